package container

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/moby/moby/client"
)

// Copy puts a file into the container of a node's database, which may run or not. The path is absolute;
// directories on the way are made. The file belongs to root, and everybody may read it.
func (d *Deployment) Copy(ctx context.Context, name, path string, data []byte) error {
	n, err := d.node(name)
	if err != nil {
		return err
	}
	if err := d.engine.copyTo(ctx, n.data, path, data); err != nil {
		return fmt.Errorf("node %s: putting %s into its container: %w", name, path, err)
	}
	return nil
}

// copyTo puts a file into a container.
func (e *Engine) copyTo(ctx context.Context, id, at string, data []byte) error {
	if !path.IsAbs(at) || strings.HasSuffix(at, "/") {
		return fmt.Errorf("path %q; allowed: an absolute one of a file", at)
	}
	return e.extract(ctx, id, &tar.Header{
		Typeflag: tar.TypeReg, Name: strings.TrimPrefix(path.Clean(at), "/"),
		Mode: 0o644, Size: int64(len(data)),
	}, data)
}

// open lets everybody write in a directory of a container.
func (e *Engine) open(ctx context.Context, id, at string) error {
	return e.extract(ctx, id, &tar.Header{
		Typeflag: tar.TypeDir, Name: strings.TrimPrefix(path.Clean(at), "/") + "/", Mode: 0o777,
	}, nil)
}

// extract unpacks an archive of one thing into the root of a container.
func (e *Engine) extract(ctx context.Context, id string, h *tar.Header, data []byte) error {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	_, err := e.api.CopyToContainer(ctx, id,
		client.CopyToContainerOptions{DestinationPath: "/", Content: &archive})
	return err
}
