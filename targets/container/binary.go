package container

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// The names by which a build of this command is known.
const (
	modulePath  = "github.com/rashomon-harness/rashomon"
	commandPath = modulePath + "/cmd/rashomon"
	binaryVar   = "RASHOMON_BINARY"
)

// selfBinary returns the path of a static build of this command for the engine's architecture.
func (e *Engine) selfBinary(ctx context.Context) (string, error) {
	if path := os.Getenv(binaryVar); path != "" {
		if err := fits(path, e.arch); err != nil {
			return "", fmt.Errorf("%s: %w", binaryVar, err)
		}
		return path, nil
	}
	here, err := os.Executable()
	if err == nil {
		if err = isCommand(here, e.arch); err == nil {
			return here, nil
		}
	}
	built, buildErr := buildSelf(ctx, e.arch)
	if buildErr == nil {
		return built, nil
	}
	return "", fmt.Errorf("containers need a static build of rashomon for linux/%s. The running program is "+
		"none: %w; and none could be built: %w. Work in a checkout of %s, or set %s to the path of such a "+
		"build: CGO_ENABLED=0 GOOS=linux GOARCH=%s go build -o rashomon ./cmd/rashomon",
		e.arch, err, buildErr, modulePath, binaryVar, e.arch)
}

// isCommand returns why a file is no build of this command that runs in a container.
func isCommand(path, arch string) error {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if info.Path != commandPath { // a test binary has the path of its package with .test
		return fmt.Errorf("%s is %s; allowed: %s", path, info.Path, commandPath)
	}
	return fits(path, arch)
}

// machines has the ELF machines of the architectures on which engines run.
var machines = map[string]elf.Machine{
	"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64, "386": elf.EM_386, "arm": elf.EM_ARM,
	"riscv64": elf.EM_RISCV, "ppc64le": elf.EM_PPC64, "s390x": elf.EM_S390, "loong64": elf.EM_LOONGARCH,
}

// fits returns why a file cannot run on its own in a container of that architecture.
func fits(path, arch string) error {
	f, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("%s is no program for Linux: %w", path, err)
	}
	defer func() { _ = f.Close() }()
	if f.Machine != machines[arch] {
		return fmt.Errorf("%s is a program for %v; allowed: %v, the architecture of the engine (%s)",
			path, f.Machine, machines[arch], arch)
	}
	if slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		return fmt.Errorf("%s needs shared libraries; allowed: a static program (CGO_ENABLED=0)", path)
	}
	return nil
}

// buildSelf builds this command from the module around the working directory, into the user's cache.
func buildSelf(ctx context.Context, arch string) (string, error) {
	mod, err := goOutput(ctx, "", nil, "env", "GOMOD")
	if err != nil {
		return "", err
	}
	if mod == "" || mod == os.DevNull {
		return "", errors.New("the working directory is in no Go module")
	}
	dir := filepath.Dir(mod)
	switch name, err := goOutput(ctx, dir, nil, "list", "-m", "-f", "{{.Path}}"); {
	case err != nil:
		return "", err
	case name != modulePath:
		return "", fmt.Errorf("the working directory is in module %s; allowed: %s", name, modulePath)
	}
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(cache, "rashomon-linux-"+arch)
	_, err = goOutput(ctx, dir, []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=" + arch},
		"build", "-trimpath", "-ldflags", "-s -w", "-o", path, "./cmd/rashomon")
	return path, err
}

// goOutput runs the go command and returns what it printed.
func goOutput(ctx context.Context, dir string, env []string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err() // not that it was killed, which we did
		}
		return "", fmt.Errorf("go %s: %w%s", args[0], err, indented(stderr.Bytes()))
	}
	return strings.TrimSpace(stdout.String()), nil
}

// indented returns text as it stands in an error: below it and moved in, nothing when there is none.
func indented(text []byte) string {
	text = bytes.TrimRight(text, "\n")
	if len(text) == 0 {
		return ""
	}
	return "\n\t" + strings.ReplaceAll(string(text), "\n", "\n\t")
}

// cacheDir returns the directory where builds are kept, and makes it.
func cacheDir() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no place for the build: %w", err)
	}
	dir := filepath.Join(base, "rashomon")
	return dir, os.MkdirAll(dir, 0o755)
}
