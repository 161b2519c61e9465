package etcd

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rashomon-harness/rashomon/targets"
)

var three = []string{"n1", "n2", "n3"}

func TestValidate(t *testing.T) {
	for _, tc := range []struct {
		spec targets.Spec
		want string
	}{
		{targets.Spec{Nodes: three}, ""},
		{targets.Spec{Nodes: three, Config: map[string]any{"image": "x:1", "reads": "serializable",
			"request_timeout": "500ms", "heartbeat": "50ms", "election_timeout": "300ms",
			"power_loss": true}}, ""},
		{targets.Spec{Nodes: []string{"n1", "nodes", "n1"}},
			`nodes: "nodes" is not allowed; allowed: names that differ, other than clients and nodes; ` +
				`nodes: "n1" is not allowed; allowed: names that differ, other than clients and nodes`},
		{targets.Spec{}, "nodes: 0 is not allowed; allowed: at least one node"},
		{targets.Spec{Nodes: three, Config: map[string]any{"reads": "fast", "quorum": 2}},
			"config.reads: fast is not allowed; allowed: linearizable, serializable; " +
				"config.quorum: 2 is not allowed; allowed: one of the fields image, reads, " +
				"request_timeout, heartbeat, election_timeout, power_loss"},
		{targets.Spec{Nodes: three, Config: map[string]any{"heartbeat": "300ms"}},
			"config.election_timeout: 1s is not allowed; allowed: at least five times heartbeat, which is " +
				"300ms"},
		{targets.Spec{Nodes: three, World: map[string]any{"latency": "5ms"}},
			"world.latency: 5ms is not allowed; allowed: nothing: etcd in containers has no settings of " +
				"the world"},
	} {
		var got []string
		for _, e := range New(nil).Validate(&tc.spec) {
			got = append(got, e.Error())
		}
		if strings.Join(got, "; ") != tc.want {
			t.Errorf("%+v:\n got %s\nwant %s", tc.spec, strings.Join(got, "; "), tc.want)
		}
		if tc.want != "" {
			if c, err := New(nil).Deploy(t.Context(), &tc.spec); err == nil || c != nil {
				t.Errorf("%+v: deploying gave %v, %v", tc.spec, c, err)
			}
		}
	}
}

func TestFields(t *testing.T) {
	for name, values := range map[string]struct{ good, bad []any }{
		"image":            {[]any{"etcd", "quay.io/coreos/etcd:v3.5.0"}, []any{"", "a b", 3, nil}},
		"reads":            {[]any{"linearizable", "serializable"}, []any{"", "any", nil}},
		"request_timeout":  {[]any{"10ms", "1m"}, []any{"9ms", "61s", "1", 5, nil}},
		"heartbeat":        {[]any{"1ms", "200ms"}, []any{"0s", "1.5ms", "-1s", 100}},
		"election_timeout": {[]any{"500ms", "50s"}, []any{"51s", "499ms", "", 1000}},
		"power_loss":       {[]any{"on", "off", true, false}, []any{"yes", 1, nil}},
	} {
		for i, v := range append(slices.Clone(values.good), values.bad...) {
			_, errs := decodeSpec(&targets.Spec{Nodes: three, Config: map[string]any{name: v}})
			good := i < len(values.good)
			if good != (len(errs) == 0) || (!good && errs[0].Path != "config."+name) {
				t.Errorf("%s: %v: %v", name, v, errs)
			}
		}
	}
}

// The documentation is true: each field's default is allowed, and is what holds where the field is not given.
func TestDefaultsAreTheDefaults(t *testing.T) {
	plain, _ := decodeSpec(&targets.Spec{Nodes: three})
	want := config{reads: "linearizable", requestTimeout: time.Second, heartbeat: 100 * time.Millisecond,
		election: time.Second}
	if *plain != want {
		t.Errorf("the defaults are %+v", *plain)
	}
	for _, f := range ConfigFields() {
		given, errs := decodeSpec(&targets.Spec{Nodes: three, Config: map[string]any{f.Name: f.Default}})
		if f.Name == "image" {
			want.image = DefaultImage // asked for by name, it has no substitute
		} else {
			want.image = ""
		}
		if len(errs) > 0 || *given != want {
			t.Errorf("%s: its default %s gives %+v, %v", f.Name, f.Default, *given, errs)
		}
	}
}

func TestArguments(t *testing.T) {
	spec := &targets.Spec{Nodes: []string{"n1", "n2"}, Seed: 7}
	cfg, _ := decodeSpec(spec)
	got := strings.Join(arguments("n2", spec, cfg, func(n string) string { return "10.0.0." + n[1:] }), " ")
	want := "--name=n2 --data-dir=/var/lib/etcd --listen-client-urls=http://0.0.0.0:2379 " +
		"--advertise-client-urls=http://10.0.0.2:2379 --listen-peer-urls=http://0.0.0.0:2380 " +
		"--initial-advertise-peer-urls=http://10.0.0.2:2380 " +
		"--initial-cluster=n1=http://10.0.0.1:2380,n2=http://10.0.0.2:2380 --initial-cluster-state=new " +
		"--initial-cluster-token=rashomon-7 --heartbeat-interval=100 --election-timeout=1000"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestHomeOf(t *testing.T) {
	for session, want := range map[string]string{"rs1": "n1", "rs2": "n2", "rs3": "n3", "rs4": "n1",
		"rs3.1": "n3", "bs12": "n3", "probe": "n1", "": "n1", "rs0": "n1", "s99999999999999999999": "n1"} {
		if got := homeOf(session, three); got != want {
			t.Errorf("%q is at home at %s, want %s", session, got, want)
		}
	}
}

func TestActive(t *testing.T) {
	for text, want := range map[string]int{
		"": 0,
		"# HELP etcd_network_active_peers The current number of active peer connections.\n" +
			"etcd_network_active_peers{Local=\"a\",Remote=\"b\"} 1\n" +
			"etcd_network_active_peers{Local=\"a\",Remote=\"c\"} 0\n" +
			"etcd_network_known_peers{Local=\"a\",Remote=\"c\"} 1\n": 1,
	} {
		if got, err := active(strings.NewReader(text)); got != want || err != nil {
			t.Errorf("%q: %d active peers, %v", text, got, err)
		}
	}
}
