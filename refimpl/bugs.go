package refimpl

import "slices"

// Bug is a deliberate defect of the store, off by default: what checkers are examined with.
type Bug uint8

// The bugs. bugTable says what each does.
const (
	BugQuorumOffByOne Bug = iota
	BugCountedTwice
	BugHintOverwrites
	BugHintsForgotten
	BugRepairOlder
	BugRangeSkipped
	BugEntryDropped
	BugConcurrentOrdered
	BugTombstoneEarly
	BugSiblingDropped
	BugEarlyAck
	BugVersionReused
	NumBugs // the number of bugs
)

// Bugs is a set of bugs.
type Bugs uint64

// Has reports whether a bug is in the set.
func (b Bugs) Has(bug Bug) bool { return b>>bug&1 != 0 }

// BugInfo documents a bug.
type BugInfo struct {
	Name    string
	Mode    string // that has it
	Meaning string
}

var bugTable = [NumBugs]BugInfo{
	BugQuorumOffByOne: {"quorum-off-by-one", Leaderless, "a coordinator waits for one acknowledgement " +
		"less than w"},
	BugCountedTwice: {"counted-twice", Leaderless, "a second answer of one replica, to a request that " +
		"was repeated, " +
		"counts again"},
	BugHintOverwrites: {"hint-overwrites", Leaderless, "a hint that comes home replaces what the " +
		"replica has, newer or " +
		"not"},
	BugHintsForgotten: {"hints-forgotten", Leaderless, "hints are not read back when a node starts"},
	BugRepairOlder: {"repair-older", Leaderless, "read repair writes back the oldest answer, and it " +
		"replaces"},
	BugRangeSkipped: {"range-skipped", Leaderless, "anti-entropy leaves out a quarter of the Merkle tree"},
	BugEntryDropped: {"entry-dropped", Leaderless, "merging two version vectors drops the entry of " +
		"the last writer"},
	BugConcurrentOrdered: {"concurrent-ordered", Leaderless, "a version counts as superseded when its " +
		"writer's number is " +
		"smaller, whoever the other writer is"},
	BugTombstoneEarly: {"tombstone-early", Leaderless, "a tombstone is collected after a hundredth of " +
		"gc_grace"},
	BugSiblingDropped: {"sibling-dropped", Leaderless, "when siblings are merged, only two of them are kept"},
	BugEarlyAck:       {"early-ack", Leaderless, "a coordinator acknowledges a write when it has sent it"},
	BugVersionReused: {"version-reused", Leaderless, "a node that has restarted names its writes as in " +
		"its life before, " +
		"counting from what it finds"},
}

// BugTable returns the documentation of every bug, by mode and then in the order of reading.
func BugTable() []BugInfo { return slices.Clone(bugTable[:]) }

// bugValues returns the bugs as the values of a field.
func bugValues() []FieldValue {
	values := make([]FieldValue, NumBugs)
	for i, b := range bugTable {
		values[i] = FieldValue{b.Name, b.Meaning + " (" + b.Mode + ")"}
	}
	return values
}
