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
	BugEarlyFsyncAck
	BugShortMajority
	BugEpochUnchecked
	BugElectionIgnoresLog
	BugVoteForgotten
	BugPreVoteCounted
	BugConflictKept
	BugPreviousUnchecked
	BugCommitUnbounded
	BugUncommittedShown
	BugReadIndexSkipped
	BugLogTakenAsCommitted
	BugReadBeforeOwnEntry
	BugNoDeduplication
	BugRetryApplied
	BugAppliedAgain
	BugLastEntryLost
	BugFsyncFailureIgnored
	BugWipedVotes
	BugLeaseWithoutMargin
	BugLeaseFromAnswer
	BugPromiseForgotten
	BugTokenIgnored
	BugTokenIndexOnly
	BugCausesIgnored
	BugDoubtForgotten
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
	BugEarlyFsyncAck: {"early-fsync-ack", SingleLeader, "a node takes for durable what it has only " +
		"handed to the disk"},
	BugShortMajority: {"short-majority", SingleLeader, "a leader commits what one member less than a " +
		"majority has"},
	BugEpochUnchecked: {"epoch-unchecked", SingleLeader, "a node takes in entries of a leader of an " +
		"earlier epoch"},
	BugElectionIgnoresLog: {"election-ignores-log", SingleLeader, "a node votes for candidates whose " +
		"log lacks what its own has"},
	BugVoteForgotten: {"vote-forgotten", SingleLeader, "a node that starts does not know for whom it " +
		"voted"},
	BugPreVoteCounted: {"pre-vote-counted", SingleLeader, "a late answer to the question whether a " +
		"node would vote counts as its vote"},
	BugConflictKept: {"conflict-kept", SingleLeader, "a follower keeps an entry of its own where the " +
		"leader has another"},
	BugPreviousUnchecked: {"previous-unchecked", SingleLeader, "a follower appends entries though its " +
		"log differs before them"},
	BugCommitUnbounded: {"commit-unbounded", SingleLeader, "a follower takes its log for committed up " +
		"to the leader's commit index, also where it is not the leader's log"},
	BugUncommittedShown: {"uncommitted-shown", SingleLeader, "a node applies entries when it gets " +
		"them, before they are committed, and shows them to readers"},
	BugReadIndexSkipped: {"read-index-skipped", SingleLeader, "a leader answers reads without asking " +
		"whether it still leads"},
	BugLogTakenAsCommitted: {"log-taken-as-committed", SingleLeader, "a new leader takes all of its " +
		"log for committed"},
	BugReadBeforeOwnEntry: {"read-before-own-entry", SingleLeader, "a new leader answers reads before " +
		"an entry of its epoch is committed"},
	BugNoDeduplication: {"no-deduplication", SingleLeader, "a request that is sent again is carried " +
		"out again"},
	BugRetryApplied: {"retry-applied", SingleLeader, "a request that stands in the log twice takes " +
		"effect twice; only the leader looks, when it comes, whether it was applied"},
	BugAppliedAgain: {"applied-again", SingleLeader, "a follower that gets another leader applies its " +
		"last entry again"},
	BugLastEntryLost: {"last-entry-lost", SingleLeader, "a node that starts takes the last entry on " +
		"its disk for torn"},
	BugFsyncFailureIgnored: {"fsync-failure-ignored", SingleLeader, "a node goes on after a failed " +
		"fsync as if it had not failed"},
	BugWipedVotes: {"wiped-votes", SingleLeader, "a node whose disk came back empty votes and counts " +
		"as before"},
	BugLeaseWithoutMargin: {"lease-without-margin", SingleLeader, "a lease lasts for all of " +
		"failover_timeout, whatever lease_margin says"},
	BugLeaseFromAnswer: {"lease-from-answer", SingleLeader, "a lease begins when the answers come, not " +
		"when the question went out"},
	BugPromiseForgotten: {"promise-forgotten", SingleLeader, "a node that starts does not keep the " +
		"promise that a lease was made from"},
	BugTokenIgnored: {"token-ignored", SingleLeader, "a replica answers reads before it has reached " +
		"their token"},
	BugTokenIndexOnly: {"token-index-only", SingleLeader, "a replica compares a token's index, not its " +
		"epoch"},
	BugCausesIgnored: {"causes-ignored", SingleLeader, "a replica shows a write before what its writer " +
		"had seen in other shards"},
	BugDoubtForgotten: {"doubt-forgotten", SingleLeader, "a client that gives up says refused when its " +
		"last attempt was, though an earlier one may have been taken"},
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
