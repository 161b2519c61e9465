package etcd

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rashomon-harness/rashomon/targets"
)

// Where etcd's images come from.
const (
	// DefaultImage is the project's own image.
	DefaultImage = "gcr.io/etcd-development/etcd:v3.6.16"
	// LocalImage is the image that ci/images/etcd/build.sh makes without a registry.
	LocalImage = "rashomon-etcd:3.6"
)

// The ways to read.
const (
	linearizableReads = "linearizable"
	serializableReads = "serializable"
)

// config is how a cluster is set up.
type config struct {
	image          string // "" for the default, with the local one in its place where it is not to be had
	reads          string
	requestTimeout time.Duration
	heartbeat      time.Duration
	election       time.Duration
	powerLoss      bool
}

// Field documents one field of the configuration.
type Field struct {
	Name    string
	Default string
	Meaning string
	Allowed string

	set func(c *config, v any) bool // false when v is not allowed
}

// ConfigFields documents the fields of the configuration, in the order of reading.
func ConfigFields() []Field { return slices.Clone(fields) }

var fields = []Field{
	{"image", DefaultImage, "the image of etcd, with the official command line; where the default is not " +
		"to be had, " + LocalImage + " takes its place if it is there (ci/images/etcd/build.sh makes it)",
		"the name of an image", func(c *config, v any) bool {
			c.image, _ = v.(string)
			return c.image != "" && !strings.ContainsAny(c.image, " \t\n")
		}},
	{"reads", linearizableReads, "linearizable: the node that reads asks the leader first, which asks a " +
		"majority; serializable: the node answers from what it has, which may be old",
		linearizableReads + ", " + serializableReads, func(c *config, v any) bool {
			c.reads, _ = v.(string)
			return c.reads == linearizableReads || c.reads == serializableReads
		}},
	{"request_timeout", "1s", "how long a client waits for an answer", "a duration from 10ms to 1m",
		func(c *config, v any) bool {
			return duration(v, 10*time.Millisecond, time.Minute, &c.requestTimeout)
		}},
	{"heartbeat", "100ms", "how often a leader tells its followers that it leads (--heartbeat-interval)",
		"whole milliseconds from 1ms to 10s",
		func(c *config, v any) bool { return duration(v, time.Millisecond, 10*time.Second, &c.heartbeat) }},
	{"election_timeout", "1s", "how long a follower hears nothing from the leader before it stands for " +
		"election, and a leader nothing from a majority before it resigns (--election-timeout)",
		"whole milliseconds, at least five times heartbeat, at most 50s",
		func(c *config, v any) bool { return duration(v, 5*time.Millisecond, 50*time.Second, &c.election) }},
	{"power_loss", "off", "the data is on a file system that forgets what was not synced when a crash " +
		"loses unsynced writes", "on, off", func(c *config, v any) bool { return flag(v, &c.powerLoss) }},
}

// flag reads on or off.
func flag(v any, out *bool) bool {
	*out = v == true || v == "on"
	return *out || v == false || v == "off"
}

// duration reads a time of whole milliseconds.
func duration(v any, least, most time.Duration, out *time.Duration) bool {
	text, _ := v.(string)
	t, err := time.ParseDuration(text)
	*out = t
	return err == nil && t >= least && t <= most && t%time.Millisecond == 0
}

// decodeSpec returns the configuration of a specification, or everything that is wrong with it.
func decodeSpec(spec *targets.Spec) (*config, []targets.FieldError) {
	errs := checkNodes(spec.Nodes)
	c := new(config)
	var known []string
	for _, f := range fields {
		known = append(known, f.Name)
		var v any = f.Default
		given, isGiven := spec.Config[f.Name]
		if isGiven {
			v = given
		}
		if !f.set(c, v) {
			errs = append(errs, targets.FieldError{Path: "config." + f.Name, Value: fmt.Sprint(v),
				Allowed: f.Allowed})
		}
	}
	if _, given := spec.Config["image"]; !given {
		c.image = ""
	}
	if len(errs) == 0 && c.election < 5*c.heartbeat {
		errs = append(errs, targets.FieldError{Path: "config.election_timeout", Value: c.election.String(),
			Allowed: fmt.Sprintf("at least five times heartbeat, which is %v", c.heartbeat)})
	}
	errs = append(errs, unknown("config.", spec.Config, known)...)
	errs = append(errs, unknown("world.", spec.World, nil)...)
	return c, errs
}

// unknown returns an error for each name that is not known.
func unknown(path string, values map[string]any, known []string) []targets.FieldError {
	allowed := "nothing: etcd in containers has no settings of the world"
	if len(known) > 0 {
		allowed = "one of the fields " + strings.Join(known, ", ")
	}
	var errs []targets.FieldError
	for name, v := range values {
		if !slices.Contains(known, name) {
			errs = append(errs, targets.FieldError{Path: path + name, Value: fmt.Sprint(v), Allowed: allowed})
		}
	}
	slices.SortFunc(errs, func(a, b targets.FieldError) int { return cmp.Compare(a.Path, b.Path) })
	return errs
}

// checkNodes checks the names of the nodes.
func checkNodes(nodes []string) []targets.FieldError {
	var errs []targets.FieldError
	for i, name := range nodes {
		taken := append([]string{"", targets.AllClients, targets.AllNodes}, nodes[:i]...)
		if slices.Contains(taken, name) {
			errs = append(errs, targets.FieldError{Path: "nodes", Value: fmt.Sprintf("%q", name),
				Allowed: "names that differ, other than clients and nodes"})
		}
	}
	if len(nodes) == 0 {
		errs = append(errs, targets.FieldError{Path: "nodes", Value: "0", Allowed: "at least one node"})
	}
	return errs
}
