package need

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// binary is built once a test process.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "rashomon-test-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "rashomon")
	build := exec.Command("go", "build", "-o", path, "github.com/rashomon-harness/rashomon/cmd/rashomon")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	build.WaitDelay = time.Second
	if out, err := build.CombinedOutput(); err != nil {
		return string(out), err
	}
	return path, nil
})

// Binary returns the path of this module's command, built for the tests of this process. TestMain removes it
// with RemoveBinary.
func Binary(t T) string {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatalf("the command cannot be built: %v\n%s", err, path)
	}
	return path
}

// RemoveBinary removes what Binary built, if it did.
func RemoveBinary() {
	if path, err := binary(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
}
