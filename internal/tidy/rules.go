package tidy

// The house rules of this module.

// deterministic has the packages whose results depend on their inputs alone. The server among the
// reference store's packages drives a node with sockets, disks and clocks, and is excepted.
var (
	deterministic = []string{
		"plan", "workloads", "nemesis", "harness/schedule", "refimpl/...", "internal/keyed",
	}
	driven = []string{"refimpl/server"}
)

// importTable says who may import whom. Imports run one way: history ← plan, checkers ← workloads,
// history ← targets ← nemesis/inject, all of these ← harness ← results ← cmd. The reference store knows
// nothing of the harness: someone could use it alone.
var importTable = map[string][]string{
	"history":         {},
	"history/edn":     {},
	"history/foreign": {"history", "history/edn"},
	"history/parquet": {"history"},
	"internal/keyed":  {},
	"internal/tidy":   {},
	"internal/need":   {},
	"ci":              {},
	"plan":            {"history", "internal/keyed"},
	"checkers":        {"history", "internal/keyed"},
	"refimpl/...":     {"refimpl/...", "internal/keyed"},
	"workloads":       {"history", "plan", "checkers", "internal/keyed"},
	"nemesis":         {"history", "plan", "internal/keyed"},
	"nemesis/inject":  {"history", "plan", "nemesis", "targets", "internal/keyed"},
	"targets":         {"history", "internal/keyed"},
	// An arm knows its system; it does not know who uses it. Those of the reference store share what
	// does not depend on the environment.
	"targets/links":     {"targets", "internal/keyed"},
	"targets/reference": {"history", "targets", "refimpl/...", "internal/keyed"},
	"targets/simulated": {"history", "targets", "targets/reference", "refimpl/...", "internal/keyed"},
	"targets/process": {"history", "targets", "targets/reference", "targets/links", "refimpl/...",
		"internal/keyed"},
	"targets/docker": {"history", "targets", "targets/reference", "targets/links", "targets/container",
		"refimpl/...", "internal/keyed"},
	"targets/container": {"history", "targets", "targets/reference", "targets/links", "refimpl/...",
		"nemesis/agent", "nemesis/agent/...", "internal/keyed"},
	"targets/etcd": {"history", "targets", "targets/container", "targets/links", "nemesis/agent",
		"internal/keyed"},
	// What an environment claims is tried by one suite; the arms' tests call it.
	"targets/targettest": {"history", "targets", "internal/keyed"},
	// The agent of a pod and what it can do to it.
	"nemesis/agent":           {"nemesis/agent/..."},
	"nemesis/agent/packets":   {},
	"nemesis/agent/vdso":      {},
	"nemesis/agent/powerloss": {},
	// The scheduler is as pure as its sources.
	"harness/schedule": {"history", "plan", "internal/keyed"},
	// The harness knows targets by their interfaces, never an arm, and saves through a sink.
	"harness": {"history", "plan", "workloads", "checkers", "nemesis", "nemesis/inject", "targets",
		"harness/schedule", "internal/keyed"},
	"results":      {"history", "checkers", "harness", "internal/keyed"},
	"cmd/rashomon": {"..."},
	// Mutation of a package for the sake of its tests, and what instrumented code calls.
	"internal/mutate":          {"internal/mutate/schemata"},
	"internal/mutate/schemata": {},
}

// homes has the one package that imports a dependency.
var homes = map[string]string{
	"github.com/anishathalye/porcupine": "checkers",
	"github.com/parquet-go/parquet-go":  "history/parquet",
	"github.com/olekukonko/tablewriter": "results",
	"go.yaml.in/yaml/v3":                "harness",
	"github.com/spf13/cobra":            "cmd/rashomon",
	"github.com/spf13/pflag":            "cmd/rashomon",

	"github.com/testcontainers/testcontainers-go": "targets/container",
	"github.com/moby/moby":                        "targets/container",
	"github.com/google/nftables":                  "nemesis/agent/packets",
	"github.com/mdlayher/netlink":                 "nemesis/agent/packets",
	"github.com/hanwen/go-fuse/v2":                "nemesis/agent/powerloss",
	"github.com/containerd/errdefs":               "targets/container",
	"go.etcd.io/etcd":                             "targets/etcd",
	"go.uber.org/zap":                             "targets/etcd",
	"google.golang.org/grpc":                      "targets/etcd",
}

// House returns the rules that this module is held to.
func House() *Rules {
	return &Rules{
		Module:        "github.com/rashomon-harness/rashomon",
		Imports:       importTable,
		Homes:         homes,
		Deterministic: deterministic,
		Driven:        driven,
		FunctionLines: 70,
		FileLines:     600,
		Columns:       110,
		Ratchet:       "internal/tidy/ratchet.txt",
	}
}
