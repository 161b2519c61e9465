package history

// Code names why an operation did not complete with Ok. The zero Code is no error.
type Code uint8

// The error codes. Their names, meanings and definiteness are in the table that Codes returns.
const (
	NoError Code = iota
	Timeout
	ConnectionRefused
	ConnectionLost
	NotLeader
	NoLeader
	Deposed
	QuorumNotReached
	TokenLost
	TokenTimeout
	LeaseExpired
	CrossShard
	Overloaded
	DiskFailed
	BadRequest
	Unsupported
	Aborted
	Interrupted
	Restarted
	Internal
)

// CodeInfo is one row of the error table: every code is declared once, with its meaning and whether it
// is definite.
type CodeInfo struct {
	Code     Code
	Name     string // as it stands in the record
	Definite bool   // true: the operation certainly has not taken effect and never will
	Meaning  string
}

var codeTable = [...]CodeInfo{
	{NoError, "", true, "no error"},
	{Timeout, "timeout", false, "no answer came in time; the request may still be on its way"},
	{ConnectionRefused, "connection-refused", true, "the node's host answered that nobody listens there"},
	{ConnectionLost, "connection-lost", false, "the connection broke after the request was sent"},
	{NotLeader, "not-leader", true, "the node does not lead the key's shard and did not take the request"},
	{NoLeader, "no-leader", true, "the client knows no leader, nothing was sent"},
	{Deposed, "deposed", false, "the leader lost its role before the operation was decided"},
	{QuorumNotReached, "quorum-not-reached", false, "fewer replicas acknowledged than the configuration " +
		"asks"},
	{TokenLost, "token-lost", true, "the session's token names a branch of the log that was discarded"},
	{TokenTimeout, "token-timeout", true, "the replica did not reach the session's token in time"},
	{LeaseExpired, "lease-expired", true, "the leader could not confirm that it still leads; nothing was " +
		"read"},
	{CrossShard, "cross-shard", true, "the operation's keys are not all in one shard, or not led by one " +
		"node"},
	{Overloaded, "overloaded", true, "the node's queue was full, the request was refused"},
	{DiskFailed, "disk-failed", false, "the node's disk failed and the node stopped"},
	{BadRequest, "bad-request", true, "the store could not make sense of the request"},
	{Unsupported, "unsupported", true, "the store does not offer this operation"},
	{Aborted, "aborted", true, "the store rolled the operation back"},
	{Interrupted, "interrupted", false, "the run was stopped before an answer came"},
	{Restarted, "restarted", false, "the node that coordinates had restarted since the client heard of it; " +
		"an earlier copy of the request may have been taken"},
	{Internal, "internal", false, "the harness failed around the operation; anything may have happened"},
}

// Codes returns the error table, by code.
func Codes() []CodeInfo { return append([]CodeInfo(nil), codeTable[1:]...) }

// String returns the code's name as it stands in the record.
func (c Code) String() string {
	if int(c) < len(codeTable) {
		return codeTable[c].Name
	}
	return "internal"
}

// Definite reports whether an operation that ended with c certainly has not taken effect.
func (c Code) Definite() bool { return int(c) < len(codeTable) && codeTable[c].Definite }

// ParseCode returns the code of that name, and whether there is one.
func ParseCode(name string) (Code, bool) {
	for _, row := range codeTable {
		if row.Name == name {
			return row.Code, true
		}
	}
	return Internal, false
}

// Error is why an operation did not complete with Ok: a code, and a text for people.
type Error struct {
	Code Code
	Text string
}

// CompletionType returns the type of the event that records a completion of f with code c. An
// operation without effects never is Info: not to know its answer is to know that it changed nothing.
func CompletionType(f string, c Code) Type {
	switch {
	case c == NoError:
		return Ok
	case c.Definite() || f == FRead || f == FPeek:
		return Fail
	}
	return Info
}
