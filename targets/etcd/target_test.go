package etcd

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/targets/container"
)

func TestImage(t *testing.T) {
	trouble := errors.New("no room")
	for _, tc := range []struct {
		name  string
		asked string
		have  map[string]error // what starting from an image gives; the others are missing
		tried []string
		ok    bool
		says  []string // in the error
		logs  string
	}{
		{"asked for", "my:1", map[string]error{"my:1": nil}, []string{"my:1"}, true, nil, ""},
		{"asked for and missing", "my:1", map[string]error{LocalImage: nil}, []string{"my:1"}, false,
			[]string{"my:1"}, ""},
		{"the default", "", map[string]error{DefaultImage: nil, LocalImage: nil}, []string{DefaultImage},
			true, nil, ""},
		{"in its place", "", map[string]error{LocalImage: nil}, []string{DefaultImage, LocalImage}, true, nil,
			LocalImage},
		{"nothing", "", nil, []string{DefaultImage, LocalImage}, false,
			[]string{DefaultImage, LocalImage, "build.sh"}, ""},
		{"other trouble", "", map[string]error{DefaultImage: trouble}, []string{DefaultImage}, false,
			[]string{"no room"}, ""},
		{"other trouble in its place", "", map[string]error{LocalImage: trouble},
			[]string{DefaultImage, LocalImage}, false, []string{"no room"}, ""},
	} {
		var log bytes.Buffer
		var tried []string
		target := New(slog.New(slog.NewTextHandler(&log, nil))).(Target)
		err := target.launch(tc.asked, func(image string) error {
			tried = append(tried, image)
			if err, ok := tc.have[image]; ok {
				return err
			}
			return &container.ImageError{Image: image, Recipe: recipe, Err: errors.New("no network")}
		})
		if (err == nil) != tc.ok || !slices.Equal(tried, tc.tried) {
			t.Errorf("%s: tried %v, %v", tc.name, tried, err)
		}
		for _, text := range tc.says {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%s: the error does not say %s: %v", tc.name, text, err)
			}
		}
		if got := log.String(); (got != "") != (tc.logs != "") || !strings.Contains(got, tc.logs) {
			t.Errorf("%s: logged %q", tc.name, got)
		}
	}
}

// The default image is looked for once, and said to be missing once.
func TestImageIsMissingForGood(t *testing.T) {
	var log bytes.Buffer
	var tried []string
	target := New(slog.New(slog.NewTextHandler(&log, nil))).(Target)
	for range 2 {
		if err := target.launch("", func(image string) error {
			tried = append(tried, image)
			if image == LocalImage {
				return nil
			}
			return &container.ImageError{Image: image, Err: errors.New("no network")}
		}); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{DefaultImage, LocalImage, LocalImage}; !slices.Equal(tried, want) {
		t.Errorf("tried %v, want %v", tried, want)
	}
	if n := strings.Count(log.String(), LocalImage); n != 1 {
		t.Errorf("said %d times: %s", n, log.String())
	}
}
