package main

import "github.com/rashomon-harness/rashomon/checkers"

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
	{checkers.ConsistentPrefix, "What one read shows is a state that was there after some prefix of the" +
		" writes: who sees an answer sees its question too. Only reads of several keys can show a" +
		" violation.", nil},
	{checkers.Durability, "What was acknowledged is still there, or was replaced by something later, once" +
		" everything is healed.", nil},
	{checkers.Convergence, "After healing and a time of quiet, every replica answers the same for every" +
		" key.", nil},
	{checkers.Availability, "The share of operations that completed with ok, the longest outage, and the" +
		" time from each fault's end to the next ok. Figures rather than a guarantee: expect bounds for" +
		" them.", nil},
}

// situations explains the marks of the reference store, by refimpl.Mark.
var situations = [...]string{
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
}
