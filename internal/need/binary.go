package need

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// built is the command that this test process has built, if it has.
var built struct {
	mu   sync.Mutex
	path string
}

// Binary returns the path of this module's command, built static for the tests of this process. TestMain
// removes it with RemoveBinary.
func Binary(t T) string {
	t.Helper()
	built.mu.Lock()
	defer built.mu.Unlock()
	if built.path != "" {
		return built.path
	}
	path, err := build()
	if err != nil {
		t.Fatalf("the command cannot be built: %v", err)
		return ""
	}
	built.path = path
	return path
}

func build() (path string, err error) {
	dir, err := os.MkdirTemp("", "rashomon-test-")
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, "rashomon")
	cmd := exec.Command("go", "build", "-o", path, "github.com/rashomon-harness/rashomon/cmd/rashomon")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		_ = os.RemoveAll(dir)
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
}

// RemoveBinary removes what Binary built, if it did.
func RemoveBinary() {
	built.mu.Lock()
	defer built.mu.Unlock()
	if built.path != "" {
		_ = os.RemoveAll(filepath.Dir(built.path))
		built.path = ""
	}
}
