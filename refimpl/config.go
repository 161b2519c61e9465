package refimpl

import "time"

// Config is everything that a cluster of the reference store is set up with. ConfigFields documents the
// fields and what each value costs; the zero Config is not valid, DecodeConfig fills in the defaults.
type Config struct {
	Nodes int // how many nodes the cluster has

	Mode            string
	Replication     string
	SyncFollowers   int
	SyncTimeout     int64 // nanoseconds
	Failover        string
	FailoverTimeout int64 // nanoseconds
	ElectionJitter  int64 // percent of FailoverTimeout
	Heartbeat       int64 // nanoseconds
	Candidate       string
	Fencing         bool
	OldLeader       string
	Reads           string
	RecentWindow    int64 // nanoseconds
	LeaderReads     string
	LeaseClock      string
	LeaseMargin     int64 // percent of FailoverTimeout
	SessionScope    string
	TokenWait       int64 // nanoseconds
	Clients         string
	RequestTimeout  int64 // nanoseconds
	RetryAfter      int64 // nanoseconds
	Shards          int
	Fsync           string
	FsyncInterval   int64 // nanoseconds

	N, R, W         int // replicas of a key, answers that a read and a write wait for
	Coordinator     string
	Versioning      string
	Siblings        string
	ReadRepair      string
	WriteReadsFirst bool
	AntiEntropy     int64 // nanoseconds, 0 for off
	Sloppy          bool
	HintedHandoff   bool
	HintAfter       int64 // nanoseconds
	Quorum          string
	Datacenters     Datacenters
	NPerDatacenter  int // 0: N counts over all
	CrossDC         string
	FailedWrite     string
	Deletes         string
	GCGrace         int64 // nanoseconds

	Bugs Bugs
}

// The values of Config's fields that are words.
const (
	SingleLeader = "single-leader" // Mode
	Leaderless   = "leaderless"

	Sync     = "sync" // Replication
	SemiSync = "semi-sync"
	Async    = "async"
	Quorum   = "quorum" // Replication and Failover

	None    = "none" // Failover
	Manual  = "manual"
	Timeout = "timeout"

	MostUpToDate = "most-up-to-date" // Candidate
	First        = "first"

	Discard = "discard" // OldLeader
	Keep    = "keep"

	ReadLeader       = "leader" // Reads
	ReadAny          = "any"
	ReadSticky       = "sticky"
	ReadNearest      = "nearest"
	ReadOwnWrites    = "own-writes-leader"
	ReadRecentWrites = "recent-writes-leader"
	ReadToken        = "token"

	Local     = "local" // LeaderReads
	Lease     = "lease"
	ReadIndex = "read-index"

	Mono = "mono" // LeaseClock
	Wall = "wall"

	Device = "device" // SessionScope
	User   = "user"

	Static   = "static" // Clients
	Ask      = "ask"
	Redirect = "redirect"

	Always   = "always" // Fsync
	Interval = "interval"
	Never    = "never"

	ByClient = "client" // Coordinator
	ByNode   = "node"

	LWW           = "lww" // Versioning
	VersionVector = "version-vector"
	DottedVectors = "dotted"

	Return   = "return" // Siblings
	MergeAll = "merge"
	CRDT     = "crdt"

	Off      = "off" // ReadRepair, and durations that are 0
	Blocking = "blocking"

	Global = "global" // Quorum, beside Local
	Each   = "each"

	Inline = "inline" // CrossDC, beside Async

	Rollback = "rollback" // FailedWrite, beside Keep

	Tombstone = "tombstone" // Deletes
	Drop      = "drop"
)

// FieldKind is the type of a field of the configuration.
type FieldKind string

// The types of fields.
const (
	WordField     FieldKind = "word"     // one of Field.Values
	WordsField    FieldKind = "words"    // a list of any of Field.Values
	GroupsField   FieldKind = "groups"   // a mapping from names to lists of nodes
	BoolField     FieldKind = "bool"     // true or false (on, off)
	IntField      FieldKind = "int"      // in [Field.Min, Field.Max]
	DurationField FieldKind = "duration" // in [Field.Min, Field.Max] nanoseconds: 500ms, 2s
)

// Field documents one field of the configuration: this table is what is decoded by, what errors quote
// and what documentation is printed from.
type Field struct {
	Name     string
	Kind     FieldKind
	Mode     string // the mode that has the field, "" when all do
	Default  any    // string, bool or int64; nil when it depends on others, see Otherwise
	Min, Max int64
	// Otherwise says what the default is where it is no constant.
	Otherwise string
	Meaning   string
	Values    []FieldValue // WordField, WordsField: what is allowed

	word *string // where the value goes
	flag *bool
	num  *int64
	size *int
	bugs *Bugs
	dcs  *Datacenters
}

// FieldValue is one word that a field allows, and what it means and costs.
type FieldValue struct{ Word, Meaning string }

// ConfigFields returns the documentation of every field, in the order of reading.
func ConfigFields() []Field { return fields(new(Config)) }

const (
	millisecond = int64(time.Millisecond)
	minute      = int64(time.Minute)
)

// fields returns the table of fields, bound to c.
func fields(c *Config) []Field {
	of := func(mode string, list []Field) []Field {
		for i := range list {
			list[i].Mode = mode
		}
		return list
	}
	table := modeFields(c)
	table = append(table, of(SingleLeader, replicationFields(c))...)
	table = append(table, of(SingleLeader, readFields(c))...)
	table = append(table, of(Leaderless, quorumFields(c))...)
	table = append(table, of(Leaderless, versionFields(c))...)
	table = append(table, of(Leaderless, repairFields(c))...)
	return append(table, commonFields(c)...)
}

func modeFields(c *Config) []Field {
	return []Field{
		{Name: "mode", Kind: WordField, Default: SingleLeader, word: &c.Mode,
			Meaning: "how the store replicates",
			Values: []FieldValue{{SingleLeader, "one leader a shard takes all writes"},
				{Leaderless, "every replica of a key takes reads and writes; a coordinator asks several"}}},
	}
}

func replicationFields(c *Config) []Field {
	return []Field{
		{Name: "replication", Kind: WordField, Default: Quorum, word: &c.Replication,
			Meaning: "who must have a write before its client hears ok",
			Values: []FieldValue{
				{Sync, "the leader and every follower: one silent follower stops all writes"},
				{SemiSync, "the leader and sync_followers followers; a silent one is replaced by another"},
				{Async, "the leader alone: acknowledged writes die with it"},
				{Quorum, "a majority of the nodes; followers show a write when they hear that it is " +
					"committed"}}},
		{Name: "sync_followers", Kind: IntField, Default: int64(1), Min: 1, Max: 6, size: &c.SyncFollowers,
			Meaning: "how many followers acknowledge, with replication: semi-sync"},
		{Name: "sync_timeout", Kind: DurationField, Default: 300 * millisecond, Min: millisecond, Max: minute,
			num: &c.SyncTimeout, Meaning: "after how long without an answer a semi-synchronous follower " +
				"is replaced"},
		{Name: "failover", Kind: WordField, Default: Quorum, word: &c.Failover,
			Meaning: "who makes a new leader when the old one is silent",
			Values: []FieldValue{
				{None, "nobody: the first node leads for ever"},
				{Manual, "the operator's command"},
				{Timeout, "each follower by its own timeout, asking no majority: two leaders are possible"},
				{Quorum, "election by a majority, by epoch and log (Ongaro and Ousterhout 2014, with " +
					"pre-vote)"}}},
		{Name: "failover_timeout", Kind: DurationField, Default: 1000 * millisecond, Min: 10 * millisecond,
			Max: 60 * minute, num: &c.FailoverTimeout,
			Meaning: "silence after which a follower takes the leader for dead; too short: needless " +
				"failovers, " +
				"too long: long outages"},
		{Name: "election_jitter", Kind: IntField, Default: int64(50), Min: 0, Max: 1000,
			num: &c.ElectionJitter,
			Meaning: "random part added to failover_timeout, in percent of it, so that followers do not " +
				"all rise at once"},
		{Name: "heartbeat", Kind: DurationField, Default: 100 * millisecond, Min: millisecond, Max: minute,
			num: &c.Heartbeat, Meaning: "time between two signs of life of a leader"},
		{Name: "candidate", Kind: WordField, Default: MostUpToDate, word: &c.Candidate,
			Meaning: "who may win, with failover: timeout",
			Values: []FieldValue{
				{MostUpToDate, "of the followers that answer, the one with the longest log"},
				{First, "the first whose timeout runs out, whatever it lacks"}}},
		{Name: "fencing", Kind: BoolField, Default: true, flag: &c.Fencing,
			Meaning: "followers refuse a leader of an earlier epoch, and a leader that hears of a later " +
				"one steps " +
				"down; off allows split brain"},
		{Name: "old_leader", Kind: WordField, Default: Discard, word: &c.OldLeader,
			Meaning: "what becomes of an old leader's unreplicated writes when it returns",
			Values: []FieldValue{
				{Discard, "cut from its log, acknowledged or not"},
				{Keep, "sent to the new leader as new writes: nothing is lost, but old values come back " +
					"over newer ones"}}},
		{Name: "shards", Kind: IntField, Default: int64(1), Min: 1, Max: 64, size: &c.Shards,
			Meaning: "keys are hashed over this many shards, each with a log and a leader of its own, " +
				"which can lag apart"},
	}
}

func readFields(c *Config) []Field {
	return []Field{
		{Name: "reads", Kind: WordField, Default: ReadLeader, word: &c.Reads,
			Meaning: "which node a client reads from",
			Values: []FieldValue{
				{ReadLeader, "the leader, in the way that leader_reads says"},
				{ReadAny, "any node, another one each time"},
				{ReadSticky, "one node a session, until it does not answer"},
				{ReadNearest, "the node that the client is near to at the moment"},
				{ReadOwnWrites, "the leader for keys that the session has written, any node for others"},
				{ReadRecentWrites, "the leader for recent_window after the session's last write, then any " +
					"node"},
				{ReadToken, "any node, which first waits until it has reached the session's log position"}}},
		{Name: "recent_window", Kind: DurationField, Default: 1000 * millisecond, Min: 0, Max: 60 * minute,
			num: &c.RecentWindow, Meaning: "with reads: recent-writes-leader, how long a write counts as " +
				"recent"},
		{Name: "leader_reads", Kind: WordField, Default: ReadIndex, word: &c.LeaderReads,
			Meaning: "how a leader knows that it still leads when it answers a read",
			Values: []FieldValue{
				{Local, "it does not: a deposed leader answers stale"},
				{Lease, "a majority heard from it less than failover_timeout ago, by lease_clock: depends " +
					"on clocks"},
				{ReadIndex, "it asks a majority, each time"}}},
		{Name: "lease_clock", Kind: WordField, Default: Mono, word: &c.LeaseClock,
			Meaning: "the clock that leases are measured with",
			Values: []FieldValue{
				{Mono, "the monotonic clock, which only drifts"},
				{Wall, "the wall clock, which also steps: not safe"}}},
		{Name: "lease_margin", Kind: IntField, Default: int64(15), Min: 0, Max: 90, num: &c.LeaseMargin,
			Meaning: "part of failover_timeout that a lease is shorter, in percent; clocks that drift " +
				"apart by more " +
				"break the lease"},
		{Name: "token_wait", Kind: DurationField, Default: 500 * millisecond, Min: 0, Max: minute,
			num:     &c.TokenWait,
			Meaning: "how long a node waits to reach a token before it gives up"},
		{Name: "clients", Kind: WordField, Default: Redirect, word: &c.Clients,
			Meaning: "how clients learn of a new leader",
			Values: []FieldValue{
				{Static, "not at all: they write to the first node"},
				{Ask, "they ask all nodes when the leader does not answer or refuses"},
				{Redirect, "a node that does not lead says who does"}}},
	}
}

func commonFields(c *Config) []Field {
	return []Field{
		{Name: "fsync", Kind: WordField, Default: Always, word: &c.Fsync,
			Meaning: "when a node's log is forced to disk",
			Values: []FieldValue{
				{Always, "before anything that depends on it is acknowledged"},
				{Interval, "every fsync_interval: a crash loses what came since"},
				{Never, "whenever the system likes: a crash may lose everything"}}},
		{Name: "fsync_interval", Kind: DurationField, Default: 200 * millisecond, Min: millisecond,
			Max: 60 * minute,
			num: &c.FsyncInterval, Meaning: "time between two syncs, with fsync: interval"},
		{Name: "session_scope", Kind: WordField, Default: Device, word: &c.SessionScope,
			Meaning: "where a session's token, written keys and last write are remembered",
			Values: []FieldValue{
				{Device, "on each device for itself"},
				{User, "in one place for all devices of the user"}}},
		{Name: "request_timeout", Kind: DurationField, Default: 2000 * millisecond, Min: millisecond,
			Max: 60 * minute,
			num: &c.RequestTimeout, Meaning: "after how long a client gives an operation up, with an " +
				"unknown outcome"},
		{Name: "retry_after", Kind: DurationField, Default: 300 * millisecond, Min: millisecond,
			Max: 60 * minute,
			num: &c.RetryAfter, Meaning: "after how long without an answer a client sends the request " +
				"again, under the same id"},
		{Name: "bugs", Kind: WordsField, Default: "", bugs: &c.Bugs, Values: bugValues(),
			Meaning: "deliberate defects, for the checkers to find"},
	}
}
