package server

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rashomon-harness/rashomon/refimpl"
)

// A write that the disk took a part of (ENOSPC) ends the node, and the next start finds a torn tail.
func TestShortWriteIsATornTail(t *testing.T) {
	dir := t.TempDir()
	d, _ := open(t, dir, 1<<20)
	d.sync(refimpl.Record{Epoch: 7}, entry(0, 1, "a"))
	frame := appendFrame(nil, &refimpl.Record{Kind: refimpl.RecEntry, Index: 2})
	n, _ := d.file.Write(frame[:5])
	d.at.offset += int64(n)
	d.ask(wantedSync{token: 2})
	<-d.told
	_ = d.close()
	if _, err := recoverDir(dir); err != nil {
		t.Errorf("next start: %v", err)
	}
}

// A refused write leaves a gap when a later one goes through.
func TestNothingAfterARefusedWrite(t *testing.T) {
	dir := t.TempDir()
	d, _ := open(t, dir, 1<<20)
	d.sync(refimpl.Record{Epoch: 7}, entry(0, 1, "a"))
	d.setFault("f", DiskFault{Fail: "full"})
	d.lazily(entry(0, 2, "b"))
	d.clearFault("f")
	d.lazily(entry(0, 3, "c"))
	_ = d.close()
	r, err := recoverDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := checkRecords(r.records, follower); err != nil {
		t.Errorf("next start: %v", err)
	}
}

// A first start that was killed before its first mark.
func TestEmptyMark(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"log-00000001", "synced"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := recoverDir(dir); err != nil {
		t.Errorf("next start: %v", err)
	}
}

// After a failed sync a later one proves nothing.
func TestMarkAfterFailedSync(t *testing.T) {
	dir := t.TempDir()
	d, _ := open(t, dir, 1<<20)
	d.sync(refimpl.Record{Epoch: 7}, entry(0, 1, "a"))
	d.setFault("f", DiskFault{Fail: "eio"})
	d.write(&refimpl.Write{Records: []refimpl.Record{entry(0, 2, "b")}, Sync: true, Token: 9})
	<-d.told
	d.clearFault("f")
	_ = d.close()
	crash(t, dir, "lose")
	r, err := recoverDir(dir)
	if err != nil || sprint(r.records) != "0:0/7 0:1a" {
		t.Errorf("found %s %v", sprint(r.records), err)
	}
}
