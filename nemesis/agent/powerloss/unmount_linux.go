//go:build linux

package powerloss

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// mountPoint is a line of /proc/self/mountinfo, as far as it matters here.
type mountPoint struct {
	at     string
	fsType string
	source string // of ours, a name that no other has
}

// errNotMounted says that there is no mount at a path.
var errNotMounted = errors.New("nothing is mounted there")

// Unmount removes the mounts of this package at a path, lazily, whether they are still served or their
// server has died: those who use them keep them until they let go. It does nothing when there is none, and
// returns an error when some other file system is mounted there, or on top.
func Unmount(at string) error {
	path, err := mountPath(at)
	if err != nil {
		return fmt.Errorf("unmount %s: %w", at, err)
	}
	for {
		top, err := topMount(path)
		if errors.Is(err, errNotMounted) {
			return nil
		}
		if err == nil && top.fsType != "fuse."+fsName {
			err = fmt.Errorf("the mount there is of type %s, expected fuse.%s", top.fsType, fsName)
		}
		if err == nil {
			err = unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		}
		if errors.Is(err, unix.EINVAL) { // listed, but a mount further up covers it: the path leads elsewhere
			return nil
		}
		if err != nil {
			return fmt.Errorf("unmount %s: %w", at, err)
		}
	}
}

// mountPath returns the path as the kernel lists it. It does not look at the last element: where a server has
// died, that would fail.
func mountPath(at string) (string, error) {
	abs, err := filepath.Abs(at)
	if err != nil {
		return "", err
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(abs))
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, filepath.Base(abs))
	if target, err := os.Readlink(path); err == nil {
		if !filepath.IsAbs(target) {
			target = filepath.Join(dir, target)
		}
		return mountPath(target)
	}
	return path, nil
}

// topMount returns the mount that shows at a path, errNotMounted when there is none.
func topMount(path string) (mountPoint, error) {
	info, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return mountPoint{}, err
	}
	return topOf(string(info), path)
}

// topOf returns the last mount at a path that the text of a mountinfo has.
func topOf(info, path string) (mountPoint, error) {
	top, err := mountPoint{}, errNotMounted
	for line := range strings.Lines(info) {
		if m, ok := parseMount(line); ok && m.at == path {
			top, err = m, nil
		}
	}
	return top, err
}

// parseMount reads a line such as
//
//	36 35 98:0 /root /mnt/a\040b rw,noatime shared:1 - ext3 /dev/root rw
//
// where any number of fields may stand before the lone dash.
func parseMount(line string) (mountPoint, bool) {
	before, after, found := strings.Cut(line, " - ")
	fields, rest := strings.Fields(before), strings.Fields(after)
	if !found || len(fields) < 5 || len(rest) < 2 {
		return mountPoint{}, false
	}
	return mountPoint{at: unescaped(fields[4]), fsType: rest[0], source: unescaped(rest[1])}, true
}

// unescaped replaces \040 and the like by the bytes that they stand for.
func unescaped(field string) string {
	var b strings.Builder
	for i := 0; i < len(field); i++ {
		if field[i] == '\\' && i+3 < len(field) {
			if c, err := strconv.ParseUint(field[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(c))
				i += 3
				continue
			}
		}
		b.WriteByte(field[i])
	}
	return b.String()
}
