package refimpl

import "fmt"

func quorumFields(c *Config) []Field {
	return []Field{
		{Name: "n", Kind: IntField, Min: 1, Max: MaxNodes, size: &c.N, Otherwise: "3, or all nodes if " +
			"there are fewer",
			Meaning: "how many replicas a key has; every request goes to all of them in parallel"},
		{Name: "r", Kind: IntField, Min: 1, Max: MaxNodes, size: &c.R, Otherwise: "a majority of n",
			Meaning: "how many replicas must have answered a read; reads and writes that need r + w > n " +
				"share a " +
				"replica"},
		{Name: "w", Kind: IntField, Min: 1, Max: MaxNodes, size: &c.W, Otherwise: "a majority of n",
			Meaning: "how many replicas must have acknowledged a write"},
		{Name: "coordinator", Kind: WordField, Default: ByClient, word: &c.Coordinator,
			Meaning: "who sends to the replicas and counts their answers",
			Values: []FieldValue{
				{ByClient, "the client itself; timestamps are those of its clock"},
				{ByNode, "a replica of the key, chosen by the client; timestamps are those of its " +
					"clock; a write " +
					"is never moved to another node, as it would become two"}}},
		{Name: "quorum", Kind: WordField, Default: Global, word: &c.Quorum,
			Meaning: "which answers count towards r and w",
			Values: []FieldValue{
				{Global, "those of all replicas"},
				{Local, "r and w, or a majority where there are fewer, of the replicas in the " +
					"coordinator's own " +
					"datacenter: fast, and stale across"},
				{Each, "as local, but a write needs it in every datacenter"}}},
		{Name: "datacenters", Kind: GroupsField, Default: "", dcs: &c.Datacenters,
			Meaning: "which nodes are in which datacenter, such as {east: [n1, n2], west: [n3]}; how " +
				"far apart they " +
				"are is up to the world (lag); a client is in that of the node that it is near to, or " +
				"the first"},
		{Name: "n_per_datacenter", Kind: IntField, Default: int64(0), Min: 0, Max: MaxNodes,
			size:    &c.NPerDatacenter,
			Meaning: "how many replicas a key has in each datacenter, in place of n; 0 to count n over all"},
		{Name: "cross_dc", Kind: WordField, Default: Inline, word: &c.CrossDC,
			Meaning: "when a write goes to replicas in other datacenters",
			Values: []FieldValue{
				{Inline, "at once, as to all others"},
				{Async, "after the client has been answered"}}},
		{Name: "sloppy", Kind: BoolField, Default: false, flag: &c.Sloppy,
			Meaning: "nodes that are no replicas of a key stand in for replicas that do not answer: " +
				"more writes " +
				"succeed, and r + w > n promises nothing any more"},
		{Name: "hinted_handoff", Kind: BoolField, Default: false, flag: &c.HintedHandoff,
			Meaning: "with sloppy, a node that stood in hands what it took to the replica it was meant " +
				"for, when " +
				"that is back"},
		{Name: "hint_after", Kind: DurationField, Default: 100 * millisecond, Min: millisecond, Max: minute,
			num: &c.HintAfter, Meaning: "with sloppy, after how long without an answer another node is " +
				"asked"},
	}
}

func versionFields(c *Config) []Field {
	return []Field{
		{Name: "versioning", Kind: WordField, Default: LWW, word: &c.Versioning,
			Meaning: "how the store tells which of two writes of a key supersedes the other",
			Values: []FieldValue{
				{LWW, "the last write wins: by the coordinator's wall clock, or with write_reads_first " +
					"by a counter; " +
					"the other one is silently dropped"},
				{VersionVector, "a version vector a version, of coordinators: two clients that write " +
					"through one " +
					"node look ordered"},
				{DottedVectors, "dotted version vectors: exact; concurrent versions are kept as siblings"}}},
		{Name: "siblings", Kind: WordField, Default: Return, word: &c.Siblings,
			Meaning: "who merges concurrent versions",
			Values: []FieldValue{
				{Return, "the reader: several values are returned, and its next write supersedes them"},
				{MergeAll, "the client library: lists by union, otherwise the greatest value"},
				{CRDT, "the store: a key is an observed-remove set (Shapiro, Preguiça, Baquero, " +
					"Zawirski 2011); it takes " +
					"add and remove only"}}},
		{Name: "write_reads_first", Kind: BoolField, Default: false, flag: &c.WriteReadsFirst,
			Meaning: "a write first learns the latest version from r replicas; with read_repair: " +
				"blocking, lww and " +
				"r + w > n, registers are linearizable (Attiya, Bar-Noy, Dolev 1995; several writers: " +
				"Lynch, " +
				"Shvartsman 1997)"},
		{Name: "failed_write", Kind: WordField, Default: Keep, word: &c.FailedWrite,
			Meaning: "what becomes of a write that fewer than w replicas acknowledged",
			Values: []FieldValue{
				{Keep, "it stays where it is, and may be read"},
				{Rollback, "the coordinator asks the replicas to undo it; who has read it meanwhile has " +
					"read " +
					"what never was, and a coordinator that dies undoes nothing"}}},
		{Name: "deletes", Kind: WordField, Default: Tombstone, word: &c.Deletes,
			Meaning: "what a delete leaves behind",
			Values: []FieldValue{
				{Tombstone, "a trace that is kept for gc_grace"},
				{Drop, "nothing: a replica that missed it brings the value back"}}},
		{Name: "gc_grace", Kind: DurationField, Default: 60 * minute, Min: millisecond, Max: 24 * 60 * minute,
			num: &c.GCGrace, Meaning: "how long a tombstone is kept; replicas that are away for longer " +
				"bring deleted " +
				"values back"},
	}
}

func repairFields(c *Config) []Field {
	return []Field{
		{Name: "read_repair", Kind: WordField, Default: Async, word: &c.ReadRepair,
			Meaning: "what a read does when replicas differ",
			Values: []FieldValue{
				{Off, "nothing"},
				{Async, "newer versions are written to those that lack them, after the answer"},
				{Blocking, "the read is answered when w replicas have what it returns"}}},
		{Name: "anti_entropy", Kind: DurationField, Default: int64(0), Min: 0, Max: 60 * minute,
			num: &c.AntiEntropy,
			Meaning: "how often a node compares its keys with another one's, by Merkle trees, and both " +
				"copy what they " +
				"lack; 0s for never"},
	}
}

// fillIn sets the defaults that depend on other fields.
func (c *Config) fillIn() {
	if c.N == 0 {
		c.N = min(3, c.Nodes)
		if c.NPerDatacenter > 0 && len(c.Datacenters) > 0 {
			c.N = min(c.NPerDatacenter*len(c.Datacenters), MaxNodes)
		}
	}
	if c.R == 0 {
		c.R = c.N/2 + 1
	}
	if c.W == 0 {
		c.W = c.N/2 + 1
	}
}

func (c *Config) validateLeaderless(wrong func(field string, value any, allowed string)) {
	if c.validateDatacenters(wrong) {
		c.validateSizes(wrong)
	}
	if c.HintedHandoff && !c.Sloppy {
		wrong("hinted_handoff", "on", "off, without sloppy: nobody stands in for others")
	}
	if c.Versioning == LWW && c.Siblings != Return {
		wrong("siblings", c.Siblings, "return, with versioning: lww, which leaves one version")
	}
	if c.Siblings == CRDT && c.Versioning != DottedVectors {
		wrong("siblings", CRDT, "return or merge, with versioning: "+c.Versioning+"; the set needs dotted")
	}
	if c.Siblings == CRDT && c.WriteReadsFirst {
		wrong("write_reads_first", "on", "off, with siblings: crdt, whose adds and removes always read first")
	}
}

func (c *Config) validateSizes(wrong func(field string, value any, allowed string)) {
	if c.N > c.Nodes {
		wrong("n", c.N, fmt.Sprintf("at most the %d nodes", c.Nodes))
	}
	if c.R > c.N {
		wrong("r", c.R, fmt.Sprintf("at most n, which is %d", c.N))
	}
	if c.W > c.N {
		wrong("w", c.W, fmt.Sprintf("at most n, which is %d", c.N))
	}
}

// validateDatacenters reports whether what is said of datacenters makes sense.
func (c *Config) validateDatacenters(report func(field string, value any, allowed string)) (ok bool) {
	ok = true
	wrong := func(field string, value any, allowed string) {
		ok = false
		report(field, value, allowed)
	}
	if len(c.Datacenters) == 0 {
		if c.Quorum != Global {
			wrong("quorum", c.Quorum, "global, without datacenters")
		}
		if c.NPerDatacenter > 0 {
			wrong("n_per_datacenter", c.NPerDatacenter, "0, without datacenters")
		}
		if c.CrossDC != Inline {
			wrong("cross_dc", c.CrossDC, "inline, without datacenters")
		}
		return ok
	}
	for _, dc := range c.Datacenters {
		if c.NPerDatacenter > len(dc.Nodes) {
			wrong("n_per_datacenter", c.NPerDatacenter, fmt.Sprintf("at most the %d nodes in %s",
				len(dc.Nodes), dc.Name))
			break
		}
	}
	if c.NPerDatacenter > 0 && c.N != c.NPerDatacenter*len(c.Datacenters) {
		wrong("n", c.N, fmt.Sprintf("not given, with n_per_datacenter, or %d",
			c.NPerDatacenter*len(c.Datacenters)))
	}
	if c.CrossDC == Async && c.Quorum != Local {
		wrong("cross_dc", c.CrossDC, "inline, with quorum: "+c.Quorum+", which waits for other datacenters")
	}
	return ok
}
