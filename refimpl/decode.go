package refimpl

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rashomon-harness/rashomon/internal/keyed"
)

// FieldError is one thing wrong with a configuration.
type FieldError struct {
	Field   string // the field's name
	Value   string // what stands there, "" when nothing does
	Allowed string // what is allowed, for people
}

// Error returns the sentence for people.
func (e FieldError) Error() string {
	if e.Value == "" {
		return e.Field + ": " + e.Allowed
	}
	return fmt.Sprintf("%s: %s is not allowed; allowed: %s", e.Field, e.Value, e.Allowed)
}

// DecodeConfig makes the configuration of a cluster of that many nodes from named values: strings, bools,
// ints, lists and mappings, as they stand in a file. What is not named has its default. All that is wrong is
// reported, by rising name; the configuration is only valid when nothing is.
func DecodeConfig(nodes int, values map[string]any) (*Config, []FieldError) {
	c := &Config{Nodes: nodes}
	table := fields(c)
	var errs []FieldError
	for i := range table {
		f := &table[i]
		v, given := values[f.Name]
		if !given {
			v = f.Default
		}
		if v == nil && !given {
			continue // see fillIn
		}
		if err := f.set(v, nodes); err != "" {
			errs = append(errs, FieldError{f.Name, fmt.Sprint(v), err})
		}
	}
	for name, v := range values {
		at := slices.IndexFunc(table, func(f Field) bool { return f.Name == name })
		switch {
		case at < 0:
			errs = append(errs, FieldError{name, fmt.Sprint(v), "one of the fields " + fieldNames(table,
				c.Mode)})
		case table[at].Mode != "" && table[at].Mode != c.Mode && c.Mode != "":
			errs = append(errs, FieldError{name, "",
				"is a field of mode: " + table[at].Mode + "; the mode is " +
					c.Mode})
		}
	}
	if len(errs) == 0 {
		c.fillIn()
		errs = c.Validate()
	}
	slices.SortFunc(errs, func(a, b FieldError) int { return strings.Compare(a.Field, b.Field) })
	return c, errs
}

// fieldNames returns the names of the fields that a mode has, all when it is "".
func fieldNames(table []Field, mode string) string {
	var names []string
	for _, f := range table {
		if f.Mode == "" || mode == "" || f.Mode == mode {
			names = append(names, f.Name)
		}
	}
	return strings.Join(names, ", ")
}

// set stores v in the field of a cluster of that many nodes, or returns what is allowed instead.
func (f *Field) set(v any, nodes int) (allowed string) {
	switch f.Kind {
	case WordsField:
		return f.setWords(v)
	case GroupsField:
		*f.dcs, allowed = decodeDatacenters(v, nodes)
		return allowed
	case WordField:
		return f.setWord(v)
	case BoolField:
		return f.setBool(v)
	case DurationField:
		return f.setDuration(v)
	}
	return f.setInt(v)
}

func (f *Field) setWord(v any) (allowed string) {
	words := make([]string, len(f.Values))
	for i, w := range f.Values {
		words[i] = w.Word
	}
	word, _ := v.(string)
	if !slices.Contains(words, word) {
		return strings.Join(words, ", ")
	}
	*f.word = word
	return ""
}

// setWords takes a list of words; "" is none, and a word alone is a list of one.
func (f *Field) setWords(v any) (allowed string) {
	list, ok := v.([]any)
	if word, isWord := v.(string); isWord {
		list, ok = []any{word}, true
		if word == "" {
			list = nil
		}
	}
	*f.bugs = 0
	for _, word := range list {
		at := slices.IndexFunc(f.Values, func(fv FieldValue) bool { return word == fv.Word })
		if at < 0 {
			ok = false
			break
		}
		*f.bugs |= 1 << at
	}
	if ok {
		return ""
	}
	words := make([]string, len(f.Values))
	for i, w := range f.Values {
		words[i] = w.Word
	}
	return "a list of any of " + strings.Join(words, ", ")
}

func (f *Field) setBool(v any) (allowed string) {
	switch v {
	case true, "on":
		*f.flag = true
	case false, "off":
		*f.flag = false
	default:
		return "on, off"
	}
	return ""
}

func (f *Field) setInt(v any) (allowed string) {
	n, ok := v.(int64)
	if small, isInt := v.(int); isInt {
		n, ok = int64(small), true
	}
	if !ok || n < f.Min || n > f.Max {
		return fmt.Sprintf("a whole number from %d to %d", f.Min, f.Max)
	}
	if f.size != nil {
		*f.size = int(n)
	} else {
		*f.num = n
	}
	return ""
}

func (f *Field) setDuration(v any) (allowed string) {
	n, ok := v.(int64) // a default
	if text, isText := v.(string); isText {
		d, err := time.ParseDuration(text)
		n, ok = int64(d), err == nil
	}
	if !ok || n < f.Min || n > f.Max {
		return fmt.Sprintf("a duration from %v to %v, such as 500ms or 2s", time.Duration(f.Min),
			time.Duration(f.Max))
	}
	*f.num = n
	return ""
}

// Validate returns the contradictions between fields, and fields that the number of nodes rules out.
func (c *Config) Validate() []FieldError {
	var errs []FieldError
	wrong := func(field string, value any, allowed string) {
		errs = append(errs, FieldError{field, fmt.Sprint(value), allowed})
	}
	if c.Nodes < 1 || c.Nodes > MaxNodes {
		wrong("nodes", c.Nodes, fmt.Sprintf("1 to %d nodes", MaxNodes))
	}
	if c.RetryAfter > c.RequestTimeout {
		wrong("retry_after", time.Duration(c.RetryAfter),
			fmt.Sprintf("at most request_timeout, which is %v", time.Duration(c.RequestTimeout)))
	}
	for i, b := range bugTable {
		if c.Bugs.Has(Bug(i)) && b.Mode != c.Mode {
			wrong("bugs", b.Name, "bugs of mode: "+c.Mode+"; this one is of "+b.Mode)
		}
	}
	if c.Mode == Leaderless {
		c.validateLeaderless(wrong)
	} else {
		c.validateSingleLeader(wrong)
	}
	return errs
}

func (c *Config) validateSingleLeader(wrong func(field string, value any, allowed string)) {
	if c.Replication == SemiSync && c.SyncFollowers >= c.Nodes {
		wrong("sync_followers", c.SyncFollowers, fmt.Sprintf("fewer than the %d nodes", c.Nodes))
	}
	if c.Heartbeat*2 > c.FailoverTimeout {
		wrong("heartbeat", time.Duration(c.Heartbeat),
			fmt.Sprintf("at most half of failover_timeout, which is %v", time.Duration(c.FailoverTimeout)))
	}
	if c.Failover == Quorum && !c.Fencing {
		wrong("fencing", "off", "on, with failover: quorum, whose elections are by epoch")
	}
	if c.LeaderReads == Lease && c.Failover != Quorum {
		wrong("leader_reads", Lease, "local or read-index, with failover: "+c.Failover+
			"; leases need followers that promise not to elect: failover: quorum")
	}
}

// MaxNodes is the most nodes a cluster can have: acknowledgements are bit masks.
const MaxNodes = 64

// ShardOf returns the shard of a key: a hash of its part before the first slash, or of all of it when there
// is none, so that "q7/a" and "q7/q" share a shard.
func ShardOf(key string, shards int) int32 {
	if shards <= 1 {
		return 0
	}
	part, _, _ := strings.Cut(key, "/")
	return int32(keyed.New(0).Named(part).N(shards))
}
