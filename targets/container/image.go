package container

import (
	"archive/tar"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/authconfig"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
)

// Bounds of what is done with images.
const (
	importLimit = time.Minute
	pullLimit   = 5 * time.Minute
)

// selfName is the repository of the images of this command.
const selfName = "rashomon"

// SelfImage returns the reference of an image that has nothing but a static build of this command: as
// /rashomon, which is its entry point. The image is made where the engine does not have it, and stays.
// The build is the one that the variable RASHOMON_BINARY names; else the running executable where that is
// such a build; else one that go makes of the module around the working directory. The error says what to
// do where none of these is to be had.
func (e *Engine) SelfImage(ctx context.Context) (ref string, err error) {
	e.building.Lock()
	defer e.building.Unlock()
	if e.self != "" {
		return e.self, nil
	}
	unlock, err := lockCache(ctx)
	if err != nil {
		return "", err
	}
	defer unlock()
	path, err := e.selfBinary(ctx)
	if err != nil {
		return "", err
	}
	if e.self, err = e.imageOf(ctx, selfName, path); err != nil {
		return "", fmt.Errorf("making the image of this command from %s: %w", path, err)
	}
	return e.self, nil
}

// imageOf returns the image whose only program is a static binary. Its tag is the binary's content. The
// engine may be asked for it by several processes at once: the caller holds the lock of the cache.
func (e *Engine) imageOf(ctx context.Context, name, path string) (ref string, err error) {
	sum, err := contentOf(path)
	if err != nil {
		return "", err
	}
	ref = name + ":" + sum[:16]
	switch _, err := e.api.ImageInspect(ctx, ref); {
	case err == nil:
		return ref, nil
	case !cerrdefs.IsNotFound(err):
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, importLimit)
	defer cancel()
	return ref, e.importBinary(ctx, ref, path)
}

// importBinary makes the image. It is imported rather than built: an import needs no builder.
func (e *Engine) importBinary(ctx context.Context, ref, path string) error {
	r, w := io.Pipe()
	go func() { w.CloseWithError(writeRoot(w, path)) }()
	defer func() { _ = r.Close() }()
	changes := []string{`ENTRYPOINT ["/rashomon"]`, "LABEL " + labelPrefix + "image=" + selfName}
	answer, err := e.api.ImageImport(ctx, client.ImageImportSource{Source: r, SourceName: "-"}, ref,
		client.ImageImportOptions{Message: "a static build of rashomon", Changes: changes})
	if err != nil {
		return err
	}
	defer func() { _ = answer.Close() }()
	return streamError(answer)
}

// streamError reads the engine's progress messages to their end and returns the error among them.
func streamError(r io.Reader) error {
	messages := json.NewDecoder(r)
	for {
		var m struct {
			Error string `json:"error"`
		}
		switch err := messages.Decode(&m); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case m.Error != "":
			return errors.New(m.Error)
		}
	}
}

// writeRoot writes the archive of a root directory that has the binary, and a place for temporary files.
func writeRoot(w io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	out := tar.NewWriter(w)
	for _, h := range []*tar.Header{
		{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777},
		{Typeflag: tar.TypeReg, Name: "rashomon", Mode: 0o755, Size: info.Size()},
	} {
		if err := out.WriteHeader(h); err != nil {
			return err
		}
	}
	if _, err := io.Copy(out, f); err != nil {
		return err
	}
	return out.Close()
}

// contentOf returns the SHA-256 of a file, in hex.
func contentOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return "", fmt.Errorf("reading %s: %w", path, err)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// ensureImage pulls an image that the engine does not have. recipe says how to make it by hand. Where
// testcontainers is told to take images from a mirror, it must be there by that name.
func (e *Engine) ensureImage(ctx context.Context, image, recipe string) error {
	for _, name := range []string{e.mirrored(image), image} {
		switch _, err := e.api.ImageInspect(ctx, name); {
		case err == nil && name == e.mirrored(image):
			return nil
		case err == nil:
			_, err := e.api.ImageTag(ctx, client.ImageTagOptions{Source: image, Target: e.mirrored(image)})
			return err
		case !cerrdefs.IsNotFound(err):
			return fmt.Errorf("looking for the image %s: %w", name, err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, pullLimit)
	defer cancel()
	if err := e.pull(ctx, e.mirrored(image)); err != nil {
		return &ImageError{Image: image, Recipe: recipe, Err: err}
	}
	return nil
}

// mirrored returns the name under which testcontainers looks for an image: with the prefix that is set for
// images which do not name their registry.
func (e *Engine) mirrored(image string) string {
	first, _, several := strings.Cut(image, "/")
	if e.prefix == "" || several && (strings.ContainsAny(first, ".:") || first == "localhost") {
		return image
	}
	return e.prefix + "/" + image
}

// pull gets an image from its registry.
func (e *Engine) pull(ctx context.Context, image string) error {
	answer, err := e.api.ImagePull(ctx, image,
		client.ImagePullOptions{RegistryAuth: e.credentials(ctx, image)})
	if err != nil {
		return err
	}
	return answer.Wait(ctx)
}

// credentials returns what the user's Docker configuration has for the registry of an image, "" when that
// is nothing: public images need none.
func (e *Engine) credentials(ctx context.Context, image string) string {
	//lint:ignore SA1019 the name of the image is to be had nowhere else
	if strings.HasSuffix(image, testcontainers.ReaperDefaultImage) {
		return "" // testcontainers must not read its settings before this image has been looked for
	}
	_, auth, err := testcontainers.DockerImageAuth(ctx, image)
	if err != nil {
		return ""
	}
	encoded, err := authconfig.Encode(auth)
	if err != nil {
		return ""
	}
	return encoded
}

// ImageError is the error of an image that the engine does not have and cannot get.
type ImageError struct {
	Image  string
	Recipe string // how to make it here, "" when nobody told
	Err    error  // why it could not be pulled
}

// Error returns the sentence for people.
func (e *ImageError) Error() string {
	return fmt.Sprintf("the image %s is not here and could not be pulled: %v. %s", e.Image, e.Err,
		cmp.Or(e.Recipe, "Pull it where there is a network, or load it: docker load < image.tar"))
}

// Unwrap returns why the image could not be pulled.
func (e *ImageError) Unwrap() error { return e.Err }
