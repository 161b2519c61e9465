package main

import (
	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/refimpl"
)

// properties explains what histories are checked for.
var properties = []entry{
	{checkers.Linearizability, "Every operation seems to take effect at one moment between its call and" +
		" its return, and the operations, in the order of these moments, are those of one copy of the data" +
		" (Herlihy and Wing 1990). Decided for each key by itself, which is enough.", nil},
	{checkers.ReadYourWrites, "A session's read sees the session's own earlier writes, or something newer" +
		" (Terry et al. 1994).", nil},
	{checkers.MonotonicReads, "A session's read never shows an older state than the session's earlier" +
		" reads did: time does not go backward (Terry et al. 1994).", nil},
	{checkers.MonotonicWrites, "A session's writes take effect in the order in which the session made them" +
		" (Terry et al. 1994).", nil},
	{checkers.WritesFollowReads, "A session's write is ordered after the writes that the session had read" +
		" before it (Terry et al. 1994).", nil},
	{checkers.SessionCausality, "One order of each key's versions satisfies all four session guarantees at" +
		" once: together they are causal consistency (Brzezinski et al. 2004). Where sessions write the" +
		" same keys, some violations show only in the combination.", nil},
	{checkers.CausalConsistency, "Nobody sees an effect without its cause: each operation's answer is" +
		" explained by some sequence of the operations that are causally before it, by its session and by" +
		" what was read (CC of Bouajjani et al. 2017).", nil},
	{checkers.CausalConvergence, "Causal consistency, and all those sequences agree with one order of all" +
		" operations, so that replicas which have seen the same answer the same (CCv of Bouajjani et al." +
		" 2017).", nil},
	{checkers.ConsistentPrefix, "What one read shows is a state that was there after some prefix of the" +
		" writes: who sees an answer sees its question too. Only reads of several keys can show a" +
		" violation.", nil},
	{checkers.PropertyStaleness, "How old what reads return is. Figures rather than a guarantee: expect" +
		" bounds for them. A read is stale when a newer write had returned before it was called; what is" +
		" newer is told by values, as a lower bound where these do not say.", []detail{
		{"stale_share", "share of the reads that are stale; stale_share_faults of those called during a" +
			" fault, stale_share_calm of the others"},
		{"exact_share", "share of the reads whose staleness is known; of the others it is a lower bound"},
		{"k_max", "the most newer writes that had returned before a read was called; also k_p50, k_p99, and" +
			" each with _faults and _calm at its end"},
		{"t_max_ns", "the longest time from the first return of a newer write to the call of a read; also" +
			" t_p50_ns, t_p99_ns, and t_max_faults_ns, t_max_calm_ns and so on"},
		{"fresh_share_10ms", "share of fresh reads of those called 10 ms to 100 ms after the latest return" +
			" of a write; also _0ms, _1ms, _100ms, _1s, each with _low and _high, the ends of its 95%" +
			" interval"},
		{"reads_measured", "how many reads were measured"}}},
	{checkers.PropertyQuorum,
		"Who took part in quorum reads and writes, by the store's own evidence: quorums" +
			" are as large as the store says (Gifford 1979), and a read that misses a write which was " +
			"acknowledged" +
			" before it was called is explained by who was asked. Only for stores that ask quorums of " +
			"replicas.",
		[]detail{
			{"stale_share", "share of the decided reads that are stale"},
			{"predicted_stale_share",
				"what that share should be by the run's own latencies, without repair and" +
					" faults (probabilistically bounded staleness: Bailis et al. 2012)"},
			{"no_overlap_share",
				"share of reads that ask no replica of some earlier acknowledged write: the" +
					" risk, whatever came of it"},
			{"inversion_share", "share of reads that returned something older than an earlier read"},
			{"reads_decided", "how many reads were called after an acknowledged write had returned, and are" +
				" decided; also reads_undecided"}}},
	{checkers.PropertyConflicts,
		"What became of writes that met: nothing acknowledged is gone unless somebody" +
			" who wrote later knew it. For stores that keep concurrent versions that is a promise; for " +
			"those where" +
			" the last write wins it is a count of what they drop.", []detail{
			{"lost_share",
				"share of the acknowledged writes that are gone though nobody who wrote later knew them"},
			{"overwritten_unseen",
				"how many writes were overwritten by later ones whose authors had not seen them"},
			{"conflicts_read", "how many reads returned several versions; also siblings_max, " +
				"siblings_mean"}}},
	{checkers.PropertySet, "Every element of a set that is only added to is in the reads that come after it" +
		" was known, the last ones at least, and nothing else is (Jepsen's set-full).", nil},
	{checkers.PropertyCounter, "A read of a counter lies between the sum of the increments that had" +
		" certainly happened and that of all that may have (Jepsen's checker of counters).", nil},
	{checkers.Durability, "What was acknowledged is still there, or was replaced by something later, once" +
		" everything is healed.", nil},
	{checkers.Convergence, "After healing and a time of quiet, every replica answers the same for every" +
		" key.", nil},
	{checkers.Availability, "The share of operations that completed with ok, the longest outage, and the" +
		" time from each fault's end to the next ok. Figures rather than a guarantee: expect bounds for" +
		" them.", nil},
}

// situations explains the marks of the reference store, by refimpl.Mark.
var situations = [refimpl.NumMarks]string{
	"a node became leader",
	"a node became leader, and another node led before",
	"a leader gave up its role",
	"a node cut conflicting entries from its log",
	"a node cut entries from its log that it had acknowledged as leader",
	"a request was recognised as one that was seen before",
	"a read waited until the replica had reached its token",
	"a token named a branch of the log that was discarded",
	"a read was served under a lease",
	"a read was served after a round of read-index",
	"a leader without fencing heard of another leader and went on",
	"a vote was refused because the candidate's log was behind",
	"a vote was refused because it was given to another in that epoch",
	"a message of an earlier epoch was refused",
	"a semi-synchronous leader replaced a silent follower by another",
	"a node started from a log that was not empty",
	"a node came back with its disk wiped",
	"a replica came to hold several versions of a key",
	"a node took a write in place of a replica that did not answer",
	"a node handed what it took in place of a replica to that replica",
	"anti-entropy brought a replica what it lacked",
	"a write that too few replicas acknowledged was taken back at a replica",
	"a tombstone was removed",
	"a write was meant for an earlier life of the node that coordinates it",
}
