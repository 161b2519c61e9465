package server

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/rashomon-harness/rashomon/refimpl"
)

// compact returns the fewest records that leave a node where the given ones do: each shard's last RecMeta
// and the entries that were not cut; of what replicas hold of keys, one record a key. A shard's log begins
// at 1 and has no gaps.
func compact(records []refimpl.Record) []refimpl.Record {
	metas := map[int32]refimpl.Record{}
	logs := map[int32][]refimpl.Record{}
	objects := map[holding]refimpl.Object{}
	for _, r := range records {
		switch r.Kind {
		case refimpl.RecMeta:
			metas[r.Shard] = r
		case refimpl.RecEntry:
			logs[r.Shard] = append(logs[r.Shard][:r.Index-1], r)
		case refimpl.RecTruncate:
			logs[r.Shard] = logs[r.Shard][:r.Index-1]
		case refimpl.RecObject:
			of := holding{refimpl.Nobody, r.Key}
			objects[of] = refimpl.Merge(objects[of], *r.Object)
		case refimpl.RecHint:
			of := holding{r.Vote, r.Key}
			objects[of] = refimpl.Merge(objects[of], *r.Object)
		case refimpl.RecForget:
			delete(objects, holding{r.Vote, r.Key})
		}
	}
	var shards []int32
	for shard := range metas {
		shards = append(shards, shard)
	}
	for shard := range logs {
		if _, ok := metas[shard]; !ok {
			shards = append(shards, shard)
		}
	}
	slices.Sort(shards)
	out := make([]refimpl.Record, 0, len(shards))
	for _, shard := range shards {
		if meta, ok := metas[shard]; ok {
			out = append(out, meta)
		}
		out = append(out, logs[shard]...)
	}
	return appendObjects(out, objects)
}

// holding names what a node holds of a key, for another node or, with Nobody, for itself.
type holding struct {
	home refimpl.Addr
	key  string
}

// appendObjects appends the records of objects, by home node and key.
func appendObjects(out []refimpl.Record, objects map[holding]refimpl.Object) []refimpl.Record {
	of := slices.SortedFunc(maps.Keys(objects), func(a, b holding) int {
		return cmp.Or(cmp.Compare(a.home, b.home), cmp.Compare(a.key, b.key))
	})
	for _, h := range of {
		o := objects[h]
		r := refimpl.Record{Kind: refimpl.RecObject, Key: h.key, Object: &o}
		if h.home != refimpl.Nobody {
			r.Kind, r.Vote = refimpl.RecHint, h.home
		}
		out = append(out, r)
	}
	return out
}

// checkRecords returns an error when records do not follow from each other, or are not of the configuration's
// mode, so that what takes them in can rely on it.
func checkRecords(records []refimpl.Record, cfg *refimpl.Config) error {
	last := make([]int64, cfg.Shards)
	for i := range records {
		r := &records[i]
		var err error
		switch {
		case r.Kind == refimpl.RecSync:
		case (r.Kind >= refimpl.RecObject) != (cfg.Mode == refimpl.Leaderless):
			err = fmt.Errorf("is of another mode than the configuration's, %s; start the node with the "+
				"configuration that wrote it, or with an empty data directory", cfg.Mode)
		case r.Kind >= refimpl.RecObject:
			err = checkObject(r, cfg.Nodes)
		default:
			err = checkEntry(r, last)
		}
		if err != nil {
			return fmt.Errorf("record %d %w", i, err)
		}
	}
	return nil
}

// checkEntry checks a record of a log of single-leader mode. last has the last index in each shard.
func checkEntry(r *refimpl.Record, last []int64) error {
	if r.Shard < 0 || int(r.Shard) >= len(last) {
		return fmt.Errorf("is of shard %d; the configuration has %d shards", r.Shard, len(last))
	}
	switch end := last[r.Shard]; {
	case r.Kind == refimpl.RecMeta:
	case r.Index < 1 || r.Index > end+1:
		if r.Kind == refimpl.RecTruncate {
			return fmt.Errorf("cuts at entry %d a log of %d entries", r.Index, end)
		}
		return fmt.Errorf("puts entry %d after entry %d", r.Index, end)
	case r.Kind == refimpl.RecEntry:
		last[r.Shard] = r.Index
	case r.Kind == refimpl.RecTruncate:
		last[r.Shard] = r.Index - 1
	}
	return nil
}

// checkObject checks a record of what a replica holds of a key.
func checkObject(r *refimpl.Record, nodes int) error {
	itself := r.Kind == refimpl.RecObject || r.Kind == refimpl.RecForget && r.Vote == refimpl.Nobody
	switch {
	case r.Key == "":
		return errors.New("names no key")
	case !itself && (r.Vote < 0 || int(r.Vote) >= nodes):
		return fmt.Errorf("is about what is kept of key %q for node %d; the configuration has %d nodes",
			r.Key, int64(r.Vote)+1, nodes)
	case r.Object == nil && r.Kind != refimpl.RecForget:
		return fmt.Errorf("has nothing to hold of key %q", r.Key)
	}
	return nil
}

// writeSnapshot writes the snapshot of generation g: what records amount to.
func writeSnapshot(dir string, g uint64, records []refimpl.Record) error {
	records = compact(records)
	path := filepath.Join(dir, fmt.Sprintf(snapshotName, g))
	f, err := os.Create(path + ".new")
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	_, err = w.Write(header(snapshotMagic, g, uint64(len(records))))
	var buf []byte
	for i := range records {
		if err != nil {
			break
		}
		buf = appendFrame(buf[:0], &records[i])
		_, err = w.Write(buf)
	}
	if err = errors.Join(err, w.Flush(), f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path+".new"))
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return syncDir(dir)
}

// readSnapshot reads the snapshot of generation g, which has no torn tail: any damage is an error.
func readSnapshot(dir string, g uint64) ([]refimpl.Record, error) {
	name := fmt.Sprintf(snapshotName, g)
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	count, err := readHeader(f, snapshotMagic, g)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var records []refimpl.Record
	end, err := readFrames(f, func(r *refimpl.Record) { records = append(records, *r) })
	if err == nil && uint64(len(records)) != count {
		err = fmt.Errorf("it has %d records and breaks off at byte %d after %d", count, end, len(records))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return records, nil
}

// prune removes the files that the snapshot of generation g makes superfluous.
func prune(dir string, g uint64) error {
	var errs []error
	for _, pattern := range []string{logName, snapshotName} {
		found, err := generations(dir, pattern)
		errs = append(errs, err)
		for _, old := range found {
			if old < g || old == g && pattern == logName {
				errs = append(errs, os.Remove(filepath.Join(dir, fmt.Sprintf(pattern, old))))
			}
		}
	}
	return errors.Join(errs...)
}
