package refimpl

// Mark is a rare situation that a node reaches and reports, so that a campaign can tell whether it
// tested what it meant to test.
type Mark uint8

// The marks.
const (
	MarkElected         Mark = iota // a node became leader
	MarkFailover                    // .. and another node led before
	MarkSteppedDown                 // a leader gave up its role
	MarkConflictCut                 // a node cut conflicting entries from its log
	MarkAckedCut                    // .. and one of them had been acknowledged by this node as leader
	MarkDeduplicated                // a request was recognised as one that was seen before
	MarkTokenWait                   // a read waited for its token
	MarkTokenLost                   // a token named a discarded branch
	MarkLeaseRead                   // a read was served under a lease
	MarkReadIndex                   // a read was served after a read-index round
	MarkSplitBrain                  // a leader without fencing heard of another leader and went on
	MarkVoteRefusedLog              // a vote was refused because the candidate's log was behind
	MarkVoteRefusedOnce             // a vote was refused because it was given to another in that epoch
	MarkStaleEpoch                  // a message of an earlier epoch was refused
	MarkSyncReplaced                // a semi-synchronous leader replaced a silent follower by another
	MarkRecovered                   // a node started from a log that was not empty
	MarkRejoinedEmpty               // a node came back with its disk wiped
	MarkSiblings                    // a replica came to hold several versions of a key
	MarkStoodIn                     // a node took a write in place of a replica
	MarkHandedOff                   // .. and handed it to that replica
	MarkExchanged                   // anti-entropy brought a replica what it lacked
	MarkUndone                      // a write that was not acknowledged was taken back
	MarkCollected                   // a tombstone was removed
	MarkRestartRefused              // a write was meant for an earlier life of its coordinator
	NumMarks
)

var markNames = [...]string{"elected", "failover", "stepped-down", "conflict-cut", "acked-cut",
	"deduplicated",
	"token-wait", "token-lost", "lease-read", "read-index", "split-brain", "vote-refused-log",
	"vote-refused-once", "stale-epoch", "sync-replaced", "recovered", "rejoined-empty",
	"siblings", "stood-in", "handed-off", "exchanged", "undone", "collected", "restart-refused"}

// String returns the mark's name as it stands in outcomes.
func (m Mark) String() string {
	if m < NumMarks {
		return markNames[m]
	}
	return "?"
}
