package main

import "github.com/rashomon-harness/rashomon/checkers"

// anomalies explains the kinds of violations, by property.
var anomalies = []entry{
	{checkers.Linearizability, "No single copy of the data could have given these answers at moments" +
		" within the operations.",
		[]detail{
			{checkers.StaleRead, "a read found a value although the write of a newer one had returned" +
				" before it was called; of a set: it lacks an element although its add had returned before"},
			{checkers.NewOldInversion, "a read found a value although a newer one had been read before it" +
				" was called; of a set: it lacks an element that had been read before"},
			{checkers.ReadsDisagree, "of two concurrent writes each is the newer one, by what was read; of" +
				" a set: two reads each lack an element that the other has"},
			{checkers.PhantomRead, "a read found a value that nobody wrote"},
			{checkers.FailedWriteRead, "a read found a value whose only write certainly failed"},
			{checkers.FutureRead, "a read returned before the write of its value was called"},
			{checkers.DoubleCAS, "a second compare-and-set succeeded on a value that was there only once"},
			{checkers.WrongRefusal, "a compare-and-set was refused although the value it expected was" +
				" there: by its own answer, or all the time, since that value was there before and was" +
				" read or replaced only after"},
			{checkers.CircularCAS, "compare-and-sets in a circle, each of which found the value that" +
				" another of them set: none can have been the first"},
			{checkers.ChainsDisagree, "of two values, each with what only compare-and-sets made of it, each" +
				" was there before the other"},
			{checkers.LostAppend, "no read has an acknowledged element, not even reads called after it was" +
				" acknowledged; of durability: the element is not in the final list"},
			{checkers.DuplicateAppend, "a list has an element more often than it was appended"},
			{checkers.DivergingReads, "a list was read that is no prefix of the longest list read"},
			{checkers.ReorderedAppend, "an element comes before one that was acknowledged before it was" +
				" appended"},
			{checkers.ReorderedAdd, "a read has an element and lacks one that was acknowledged before the" +
				" former's add was called"},
			{checkers.NotLinearizable, "no order of the key's operations explains them, and no smaller" +
				" witness was found"},
		}},
	{checkers.ReadYourWrites, "The session's own write is missing.", []detail{
		{checkers.KindOwnWriteMissing, "a session wrote, was told ok, and then read a state that lacks the" +
			" write"}}},
	{checkers.MonotonicReads, "Time went backward.", []detail{
		{checkers.KindReadWentBack, "a session read a state and then an older one"}}},
	{checkers.MonotonicWrites, "A session's writes stand in the wrong order.", []detail{
		{checkers.KindWritesReordered, "a session's later write was there before its earlier one, or" +
			" without it"}}},
	{checkers.WritesFollowReads, "An effect was there before its cause.", []detail{
		{checkers.KindWriteOvertook, "a session read a write and then wrote; its own write is ordered" +
			" before what it had read"}}},
	{checkers.SessionCausality, "Each guarantee could hold by itself, but not all of them in one order.",
		[]detail{
			together(checkers.ReadYourWrites, checkers.MonotonicReads),
			together(checkers.ReadYourWrites, checkers.MonotonicWrites),
			together(checkers.ReadYourWrites, checkers.WritesFollowReads),
			together(checkers.MonotonicReads, checkers.MonotonicWrites),
			together(checkers.MonotonicReads, checkers.WritesFollowReads)}},
	{checkers.CausalConsistency, "What was read contradicts the order of cause and effect: an operation" +
		" comes after those before it in its session and after the writes that it read from.", causalKinds},
	{checkers.CausalConvergence, "What was read contradicts the order of cause and effect, or every one" +
		" order of all writes that keeps to it.", causalKinds},
	{checkers.ConsistentPrefix, "A read of several keys shows what was never there together.", []detail{
		{checkers.KindAnswerBeforeQuestion, "an effect is visible in a read, its cause is not"},
		{checkers.KindLongFork, "two reads see two writes in opposite orders, or several do so in a circle"},
		{checkers.KindPrefixGap, "a read shows a write and lacks one that the store, by its versions, had" +
			" ordered before"},
		{checkers.KindPrefixFell, "a session read the state after a prefix of the writes and then, by the" +
			" versions, that after a shorter one; only where the store claims monotonic reads too"}}},
	{checkers.PropertyStaleness, "A read is older than it may be. Experiments set no such bound; they" +
		" expect bounds of the measures.", []detail{
		{checkers.KindTooStale, "when a read was called, more newer writes had returned than allowed, or" +
			" one had returned longer ago than allowed"}}},
	{checkers.PropertyQuorum, "A quorum is not what the store says, or a read is stale, and why.", []detail{
		{checkers.KindWriteTooSmall, "fewer replicas than w acknowledged a write that succeeded"},
		{checkers.KindReadTooSmall, "a read is made of fewer answers than r"},
		{checkers.KindCountedTwice, "one replica counts twice in a quorum"},
		{checkers.KindStranger, "a node counts that is no replica of the key and stands in for none"},
		{checkers.KindEvidenceDisagrees, "a read names a write of another value than the one it returned"},
		{checkers.KindStaleNoOverlap, "no replica that was asked had acknowledged the newer write"},
		{checkers.KindStaleSloppy, "the same, and other nodes stood in for replicas"},
		{checkers.KindStaleLocalQuorum, "the same, and quorums are those of one datacenter"},
		{checkers.KindStaleClock, "the newer write has the smaller timestamp, and gave way"},
		{checkers.KindStaleLostState, "a replica that had acknowledged the newer write lost it in a crash"},
		{checkers.KindStaleDefect, "a stale read that none of these explains"},
		{checkers.KindStaleUnexplained, "a stale read without the evidence to explain it"},
		{checkers.KindReadInversion,
			"a read saw a write that was under way, and a later read did not: legal" +
				" for a regular register, not for an atomic one (Lamport 1986)"}}},
	{checkers.PropertyConflicts,
		"An acknowledged write is gone, or writes are taken for concurrent that are" +
			" not.", []detail{
			{checkers.KindSilentlyOverwritten,
				"an acknowledged write gave way to one that was concurrent with it," +
					" unseen"},
			{checkers.KindOverwrittenByOlder, "an acknowledged write gave way to one that had been " +
				"acknowledged" +
				" before it was called: what clocks do that differ"},
			{checkers.KindFalseConflict, "a read returns two versions though the author of one knew the " +
				"other"},
			{checkers.KindSiblingExplosion, "a read returns more versions than allowed"}}},
	{checkers.PropertySet, "A set has not the elements that were added.", []detail{
		{checkers.KindLostElement, "an element was known, since its add had been acknowledged or it had" +
			" been read, and later reads lack it, the last one too"},
		{checkers.KindStaleElement, "an element was known, a later read lacks it, and one that returned" +
			" after that has it; only where the set is to be linearizable"},
		{checkers.KindPhantom, "a read has an element that nobody added, or only an add that failed"},
		{checkers.FutureRead, "a read has an element and returned before the element's add was called"},
		{checkers.KindDuplicated, "a read has an element more than once"}}},
	{checkers.PropertyCounter, "No choice of the increments in doubt gives what was read.", []detail{
		{checkers.KindCounterTooLow, "a read is less than the sum of the acknowledged increments that" +
			" had returned before it was called"},
		{checkers.KindCounterTooHigh, "a read is more than the sum of all increments, acknowledged or" +
			" in doubt, that were called before it returned"}}},
	{checkers.Durability, "What was acknowledged is gone once everything is healed.", []detail{
		{checkers.KindLostWrite, "an acknowledged write gave way to an earlier state"},
		{checkers.KindDuplicated, "an element is in the final list twice"},
		{checkers.KindResurrected, "the final state has what was deleted, or what a failed write wrote"},
		{checkers.KindPhantom, "the final state has what nobody wrote"}}},
	{checkers.Convergence, "Replicas differ although everything is healed and quiet.", []detail{
		{checkers.KindDivergence, "two replicas answered differently for a key"}}},
}

// together explains the anomaly of two session guarantees that contradict each other.
func together(one, other string) detail {
	return detail{one + " + " + other, "no order of the versions satisfies both, though each could hold by" +
		" itself; three or four that contradict each other are named in the same way"}
}

// causalKinds explains the kinds of causal consistency and causal convergence.
var causalKinds = []detail{
	{checkers.KindThinAirRead, "a read of a value that nobody wrote"},
	{checkers.KindAbortedRead, "a read of a value whose only writes certainly failed"},
	{checkers.KindCyclicCO, "an operation is causally before itself: cause and effect go around in a circle"},
	{checkers.KindWriteCORead, "a read of a value although another one, written causally after it, is" +
		" causally before the read"},
	{checkers.KindWriteCOInitRead, "a read of the initial value although a write is causally before the" +
		" read"},
	{checkers.KindCyclicCF, "no one order of the writes fits: what is causally before what, and what reads" +
		" that knew both did not return, go around in a circle; of causal consistency all these reads are" +
		" of one operation"},
}
