package container

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
)

// makeShared makes a directory below which mounts are shared: with a file system of its own where we may
// mount one, otherwise because mounts are shared where it is.
func makeShared(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	err := syscall.Mount("rashomon", dir, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, "size=1m,mode=755")
	if err == nil {
		if err = syscall.Mount("", dir, "", syscall.MS_SHARED, ""); err == nil {
			return nil
		}
		return errors.Join(fmt.Errorf("making %s shared: %w", dir, err), unmountBelow(dir))
	}
	if sharedAround(dir) {
		return nil
	}
	return fmt.Errorf("mounting on %s: %w", dir, err)
}

// unshare unmounts everything in the directory of a run, and removes it. A file system whose agent is dead is
// unmounted as well as any. It removes nothing that is still mounted.
func unshare(dir string) error {
	if err := unmountBelow(dir); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// unmountBelow unmounts what is mounted on or below a directory, the last first.
func unmountBelow(dir string) error {
	points, err := mountPoints()
	if err != nil {
		return err
	}
	for _, p := range slices.Backward(points) {
		if p.path != dir && !strings.HasPrefix(p.path, dir+"/") {
			continue
		}
		if err := syscall.Unmount(p.path, syscall.MNT_DETACH); err != nil && !errors.Is(err, syscall.EINVAL) {
			return fmt.Errorf("unmounting %s: %w", p.path, err)
		}
	}
	return nil
}

// mountPoint is a line of /proc/self/mountinfo.
type mountPoint struct {
	path   string
	shared bool
}

// mountPoints returns what is mounted, in the order of mounting.
func mountPoints() ([]mountPoint, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	var out []mountPoint
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		// id, parent, device, root, mount point, options, then optional fields up to "-"
		fields := strings.Fields(lines.Text())
		if len(fields) < 7 {
			continue
		}
		p := mountPoint{path: unescape.Replace(fields[4])}
		for _, f := range fields[6:] {
			if f == "-" {
				break
			}
			p.shared = p.shared || strings.HasPrefix(f, "shared:")
		}
		out = append(out, p)
	}
	return out, lines.Err()
}

// unescape undoes the kernel's spelling of odd characters.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

// sharedAround reports whether the file system that a directory is in is mounted shared.
func sharedAround(dir string) bool {
	points, err := mountPoints()
	if err != nil {
		return false
	}
	var best mountPoint
	for _, p := range points {
		around := p.path == dir || strings.HasPrefix(dir, strings.TrimSuffix(p.path, "/")+"/")
		if around && len(p.path) >= len(best.path) {
			best = p
		}
	}
	return best.shared
}
