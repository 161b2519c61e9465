package container

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	tclog "github.com/testcontainers/testcontainers-go/log"
)

// connectLimit bounds how long an engine may take to answer at all.
const connectLimit = 5 * time.Second

// Engine is a connection to a container engine. It is safe for concurrent use.
type Engine struct {
	api    *client.Client
	host   string // the engine's address, in the form of DOCKER_HOST
	arch   string // the engine's architecture, as Go names it: amd64, arm64
	kernel string // the release of the engine's kernel: 6.15.4-arch1
	prefix string // of the names of images in a mirror of Docker Hub, "" without one

	building sync.Mutex
	self     string // the reference of this command's image, once it is there
}

// Connect looks for a container engine that answers within five seconds. It tries the address in DOCKER_HOST
// and nothing else where that is set, otherwise the sockets where engines usually listen. The error of a
// machine without an engine says what was tried, why that failed and what can be done.
func Connect(ctx context.Context) (*Engine, error) {
	settings := readSettings()
	first, cancel := context.WithTimeout(ctx, connectLimit)
	defer cancel()
	var failures []error
	for _, a := range addresses(settings) {
		e, err := connect(first, a.url)
		if err == nil {
			hush()
			e.prefix = cmp.Or(os.Getenv("TESTCONTAINERS_HUB_IMAGE_NAME_PREFIX"),
				settings["hub.image.name.prefix"])
			if err := e.chooseReaper(ctx, settings); err != nil {
				return nil, errors.Join(err, e.Close())
			}
			return e, nil
		}
		failures = append(failures, fmt.Errorf("%s: %s", a, reason(err)))
	}
	return nil, &NoEngine{errors.Join(failures...)}
}

// NoEngine is the error of a machine on which no container engine answers.
type NoEngine struct{ Tried error }

// Error says what was tried, why that failed, and what can be done.
func (e *NoEngine) Error() string {
	return fmt.Sprintf("no container engine answers. Tried:\n%v\nStart Docker, or set DOCKER_HOST to "+
		"the address of an engine; the environment sim (--env sim) needs none", e.Tried)
}

// Unwrap returns what was tried.
func (e *NoEngine) Unwrap() error { return e.Tried }

// Close gives the connection back. Deployments that were made through it must be closed before.
func (e *Engine) Close() error { return e.api.Close() }

// connect dials the engine at an address and asks it who it is.
func connect(ctx context.Context, address string) (*Engine, error) {
	if err := knock(ctx, address); err != nil {
		return nil, err
	}
	api, err := client.New(client.FromEnv, client.WithHost(address))
	if err != nil {
		return nil, err
	}
	e := &Engine{api: api, host: address}
	if err := e.introduce(ctx); err != nil {
		return nil, errors.Join(err, api.Close())
	}
	return e, nil
}

// introduce asks the engine for what depends on the machine it runs on.
func (e *Engine) introduce(ctx context.Context) error {
	ping, err := e.api.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true})
	if err != nil {
		return err
	}
	if ping.OSType != "" && ping.OSType != "linux" {
		return fmt.Errorf("it runs %s containers; allowed: linux", ping.OSType)
	}
	version, err := e.api.ServerVersion(ctx, client.ServerVersionOptions{})
	if err != nil {
		return err
	}
	info, err := e.api.Info(ctx, client.InfoOptions{})
	if err != nil {
		return err
	}
	e.arch, e.kernel = version.Arch, info.Info.KernelVersion
	return nil
}

// knock opens and closes a connection, for an error that still has the operating system's reason.
func knock(ctx context.Context, address string) error {
	network, where, _ := strings.Cut(address, "://")
	if network != "unix" && network != "tcp" {
		return nil
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, where)
	if err != nil {
		return err
	}
	return conn.Close()
}

// reason says why nobody answered, and what that usually means.
func reason(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "no such file"
	case errors.Is(err, fs.ErrPermission):
		return "permission denied; only root and the group that owns the socket (often docker) may use it"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused: nobody listens there"
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("no answer in time, which is at most %v", connectLimit)
	}
	return err.Error()
}

// address is a place where an engine may listen, and how we know.
type address struct{ url, from string }

// String returns the address for people.
func (a address) String() string { return a.from + " " + a.url }

// addresses returns where to look for an engine. The order is the one of testcontainers, which looks for
// itself and must find the same.
func addresses(settings map[string]string) []address {
	if url := settings["tc.host"]; url != "" {
		return []address{{url, "tc.host in " + settingsFile}}
	}
	if url := os.Getenv("DOCKER_HOST"); url != "" {
		return []address{{url, "DOCKER_HOST"}}
	}
	out := []address{{"unix:///var/run/docker.sock", "the default socket"}}
	if url := settings["docker.host"]; url != "" {
		out = append(out, address{url, "docker.host in " + settingsFile})
	}
	home, _ := os.UserHomeDir()
	run := cmp.Or(os.Getenv("XDG_RUNTIME_DIR"), fmt.Sprintf("/run/user/%d", os.Getuid()))
	for _, path := range []string{
		filepath.Join(run, "docker.sock"),
		filepath.Join(home, ".docker", "run", "docker.sock"),
		filepath.Join(home, ".docker", "desktop", "docker.sock"),
	} {
		if _, err := os.Stat(path); err == nil {
			out = append(out, address{"unix://" + path, "the user's socket"})
		}
	}
	return out
}

// settingsFile has the settings of testcontainers.
const settingsFile = "~/.testcontainers.properties"

// readSettings returns the settings of testcontainers, none when there is no file. testcontainers itself
// reads them once and with the environment, which must be complete by then.
func readSettings() map[string]string {
	settings := map[string]string{}
	home, err := os.UserHomeDir()
	if err != nil {
		return settings
	}
	text, err := os.ReadFile(filepath.Join(home, filepath.Base(settingsFile)))
	if err != nil {
		return settings
	}
	for line := range strings.Lines(string(text)) {
		if key, value, found := strings.Cut(line, "="); found && !strings.HasPrefix(line, "#") {
			settings[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	return settings
}

// withoutReaper is the variable that tells testcontainers to go without Ryuk.
const withoutReaper = "TESTCONTAINERS_RYUK_DISABLED"

// reaperPull bounds how long the image of Ryuk may take to arrive.
const reaperPull = 20 * time.Second

// chooseReaper tells testcontainers to go without Ryuk where its image is not to be had: it would fail after
// it has made a container, and leave that behind. Ryuk only removes sooner what Clean removes as well.
// Whoever has set the variable has decided already.
func (e *Engine) chooseReaper(ctx context.Context, settings map[string]string) error {
	if os.Getenv(withoutReaper) != "" || settings["ryuk.disabled"] == "true" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, reaperPull)
	defer cancel()
	//lint:ignore SA1019 the name of the image is to be had nowhere else
	if err := e.ensureImage(ctx, testcontainers.ReaperDefaultImage, ""); err != nil {
		slog.Debug("without Ryuk: what an interrupted run leaves behind waits for rashomon clean",
			"reason", err)
		return os.Setenv(withoutReaper, "true")
	}
	return nil
}

// hushed guards the logger of testcontainers, which is one for the process.
var hushed sync.Once

// hush makes testcontainers, which tells of every container on standard error, tell the debug log.
func hush() { hushed.Do(func() { tclog.SetDefault(quiet{}) }) }

// quiet is the logger of testcontainers.
type quiet struct{}

// Printf logs for those who debug.
func (quiet) Printf(format string, args ...any) { slog.Debug(fmt.Sprintf(format, args...)) }
