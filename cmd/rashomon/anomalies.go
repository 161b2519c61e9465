package main

import "github.com/rashomon-harness/rashomon/checkers"

// anomalies explains the kinds of violations, by property.
var anomalies = []entry{
	{checkers.Linearizability, "No single copy of the data could have given these answers at moments" +
		" within the operations.",
		[]detail{
			{checkers.StaleRead, "a read found a value although the write of a newer one had returned" +
				" before it was called"},
			{checkers.NewOldInversion, "a read found a value although a newer one had been read before it" +
				" was called"},
			{checkers.ReadsDisagree, "of two concurrent writes each is the newer one, by what was read"},
			{checkers.PhantomRead, "a read found a value that nobody wrote"},
			{checkers.FailedWriteRead, "a read found a value whose only write certainly failed"},
			{checkers.FutureRead, "a read returned before the write of its value was called"},
			{checkers.DoubleCAS, "a second compare-and-set succeeded on a value that was there only once"},
			{checkers.WrongRefusal, "a compare-and-set was refused although the value was the one it" +
				" expected"},
			{checkers.LostAppend, "no read has an acknowledged element, not even reads called after it was" +
				" acknowledged; of durability: the element is not in the final list"},
			{checkers.DuplicateAppend, "a list has an element more often than it was appended"},
			{checkers.DivergingReads, "a list was read that is no prefix of the longest list read"},
			{checkers.ReorderedAppend, "an element comes before one that was acknowledged before it was" +
				" appended"},
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
			{checkers.KindOwnWriteMissing + "+" + checkers.KindWritesReordered, "kinds joined by + are the" +
				" guarantees that contradict each other, here read-your-writes and monotonic-writes"}}},
	{checkers.ConsistentPrefix, "A read of several keys shows what was never there together.", []detail{
		{checkers.KindAnswerBeforeQuestion, "an effect is visible in a read, its cause is not"},
		{checkers.KindLongFork, "two reads see two writes in opposite orders"}}},
	{checkers.Durability, "What was acknowledged is gone once everything is healed.", []detail{
		{checkers.KindLostWrite, "an acknowledged write gave way to an earlier state"},
		{checkers.KindDuplicated, "an element is in the final list twice"},
		{checkers.KindResurrected, "the final state has what was deleted, or what a failed write wrote"},
		{checkers.KindPhantom, "the final state has what nobody wrote"}}},
	{checkers.Convergence, "Replicas differ although everything is healed and quiet.", []detail{
		{checkers.KindDivergence, "two replicas answered differently for a key"}}},
}
