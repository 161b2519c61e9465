package main

import (
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/rashomon-harness/rashomon/internal/mutate/schemata"
)

// schemataPath is where instrumented code finds the mutants' forms, below the module's path.
const schemataPath = "internal/mutate/schemata"

// instrumented has the mutants of some files of a package, and the files' texts with all of them in.
type instrumented struct {
	pkg     *sourcePackage
	files   []*sourceFile // that were mutated
	mutants []*mutant
	texts   map[string][]byte // by absolute path
}

// instrument finds the mutants of the files.
func instrument(pkg *sourcePackage, files []*sourceFile) (*instrumented, error) {
	if pkg.uses(alias) {
		return nil, fmt.Errorf("%s: the name %s is used by the package", pkg.dir, alias)
	}
	f := &finder{pkg: pkg, seen: map[string]int{}}
	in := &instrumented{pkg: pkg, files: files, texts: map[string][]byte{}}
	for _, file := range files {
		edits := f.find(file)
		if len(edits) == 0 {
			continue
		}
		in.texts[file.path] = rewrite(file.text, append(edits, f.importing(file.ast)))
	}
	in.mutants = f.mutants
	if len(in.mutants) > schemata.Most {
		return nil, fmt.Errorf("%s: %d mutants, allowed: %d; name fewer files", pkg.dir, len(in.mutants),
			schemata.Most)
	}
	return in, nil
}

// importing adds the import of package schemata, on the line of the package clause.
func (f *finder) importing(file *ast.File) edit {
	at := f.position(file.Name.End())
	return edit{from: at, to: at, pieces: []piece{
		{text: fmt.Sprintf("; import %s %q", alias, f.pkg.module+"/"+schemataPath)}}}
}

// build compiles the package's tests with the instrumented files in place of its own, and returns the
// binary's path. It writes to the directory work alone.
func (in *instrumented) build(ctx context.Context, work string) (string, error) {
	replace := map[string]string{}
	for path, text := range in.texts {
		copied := filepath.Join(work, filepath.Base(path))
		if err := os.WriteFile(copied, text, 0o600); err != nil {
			return "", err
		}
		replace[path] = copied
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	config := filepath.Join(work, "overlay.json")
	if err := os.WriteFile(config, overlay, 0o600); err != nil {
		return "", err
	}
	binary := filepath.Join(work, "mutants.test")
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay", config, "-o", binary, ".")
	cmd.Dir = in.pkg.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go test -c of the instrumented package: %w\n%s", err, out)
	}
	if _, err := os.Stat(binary); err != nil {
		return "", fmt.Errorf("%s has no tests", in.pkg.dir)
	}
	return binary, nil
}
