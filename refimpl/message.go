package refimpl

// MsgKind is the kind of a Message.
type MsgKind uint8

// The kinds of messages of clients; the modes number their own from MsgMode on.
const (
	// MsgRequest, client to node: Req; of writes, Epoch is the one in which the client takes the node
	// for the leader; Seq numbers the attempt, and is echoed when the attempt is refused.
	MsgRequest MsgKind = iota
	MsgReply           // node to client: Reply
	MsgAsk             // client to node: who leads Shard?
	MsgTell            // node to client: Leader leads Shard, in Epoch
	MsgMode    = 16
)

// Message is what endpoints send each other. It is copied by value; what it points to is immutable.
// Which fields are used is up to its kind.
type Message struct {
	Kind      MsgKind
	Flag      bool
	Shard     int32
	Leader    Addr
	Epoch     uint64
	Index     int64
	PrevEpoch uint64
	Commit    int64
	Seq       uint64
	Entries   []Entry
	Req       *Request
	Reply     *Reply
	Hashes    []uint64 // of a Merkle tree (leaderless)
	Items     []Item   // keys and what the sender holds of them (leaderless)
}

// Item is a key and what a replica holds of it; Object is nil where only Hash is told.
type Item struct {
	Key    string
	Hash   uint64
	Object *Object
}

// Size returns about how many bytes m takes on the wire.
func (m *Message) Size() int {
	n := 48
	for i := range m.Entries {
		n += 16 + m.Entries[i].Req.Size()
	}
	for i := range m.Items {
		n += 10 + len(m.Items[i].Key) + m.Items[i].Object.Size()
	}
	return n + m.Req.Size() + m.Reply.Size() + 8*len(m.Hashes)
}

// OpKind is the kind of a Request.
type OpKind uint8

// The operations of clients.
const (
	OpRead   OpKind = iota // Key, or Keys
	OpWrite                // Key, Value
	OpCAS                  // Key, Old, Value
	OpAppend               // Key, Value: at the end of the list
	OpDelete               // Key
	OpTxn                  // Txn, atomic, all keys in one shard
	OpPeek                 // Key: what this replica holds, without any guarantee
	OpAdd                  // Key, Value: an element into the set
	OpRemove               // Key, Value: an element out of the set
	OpIncr                 // Key, Value: an integer onto the counter
	OpFetch                // Key: the object that this replica holds (leaderless, a coordinator asks)
	OpStore                // Key, Object: this replica shall merge it into its own (leaderless)
	OpUndo                 // Key, Object: the write with its dot shall be as if it had not been (leaderless)
	NumOps                 // the number of operations
)

// ReadsOnly reports whether the operation changes nothing.
func (k OpKind) ReadsOnly() bool { return k == OpRead || k == OpPeek || k == OpFetch }

// Request is an operation as it goes to a node, and into the log. It is immutable once sent, except that
// a later attempt may differ in Token.
type Request struct {
	Client uint64 // the client's id; with Seq it names the request, also over several attempts
	Seq    uint64 // rises with every request of the client
	Op     OpKind
	// Local asks the node to answer a read from its own state, leader or not; otherwise only the
	// leader may, in the way that leader_reads says.
	Local bool
	Key   string
	Keys  []string
	Old   Value
	Value Value
	Txn   []Micro
	Token []Position // of reads: what the replica must have reached
	// Object is what to store, of an OpStore. Of a write that a node coordinates, its Seen is what the
	// session has been shown of the key.
	Object *Object
	// Hint, of an OpStore, is one more than the node that the receiver stands in for (sloppy quorum), 0 for
	// none.
	Hint Addr
}

// Micro is one operation of a transaction: OpRead, OpWrite or OpAppend.
type Micro struct {
	Op    OpKind
	Key   string
	Value Value
}

// Position is a point in a shard's log, and the session token made of it.
type Position struct {
	Shard int32
	Epoch uint64
	Index int64
}

// Reply is the answer to a Request. It is immutable.
type Reply struct {
	Seq    uint64
	Err    ErrCode
	Value  Value   // of a read; of a cas: true, or the list [false current]
	Values []Value // of a read of Keys, of a transaction's micro-operations
	// At is the position of the state that was answered from, and the session token made of it; when
	// several shards were touched, Token has the position in each instead.
	At     Position
	Token  []Position
	Causes []Position // what the sessions that wrote what was read had seen
	Leader Addr       // with ErrNotLeader: where to go, Nobody when unknown
	By     Addr
	Shard  int32  // the version read or written: shard, epoch and log index of its write
	Epoch  uint64 //
	Index  int64  //
	Acks   uint64 // bit mask of the nodes that acknowledged the write, or whose answers make up a quorum read
	Home   uint64 // bit mask of the key's replicas, 0 for all nodes
	Hints  uint64 // bit mask of those in Acks that stand in for a home node
	Wall   int64  // of a replica's answer to a coordinator: its wall clock when it took the request
	Object *Object

	// What the coordinator of a quorum operation concluded, and from what (leaderless).
	Dots    []Dot    // the writes whose values were read, or the write that was made
	Answers []Answer // of the replicas in Acks that told what they hold, in the order of their arrival
	Legs    []Leg    // of all answers that came since the coordinator told last
}

// Answer is what one replica held.
type Answer struct {
	By   Addr
	Dots []Dot
}

// Leg is how long a message took to a replica, until it was processed, and its answer back, by the wall
// clocks of both ends.
type Leg struct {
	Store     bool // a store; otherwise a fetch
	Out, Back int64
}

// ErrCode says why a request was not served.
type ErrCode uint8

// The error codes of the store.
const (
	ErrNone         ErrCode = iota
	ErrNotLeader            // this node does not lead the shard; nothing was done
	ErrNoLeader             // the client found no leader; no attempt was sent that could take effect
	ErrDeposed              // the leader lost its role while the request was under way
	ErrTokenLost            // the token's branch of the log was discarded
	ErrTokenTimeout         // the replica did not reach the token in time
	ErrLeaseExpired         // the leader could not confirm that it leads; nothing was read
	ErrCrossShard           // the keys are not all in one shard, or their shards are not led by this node
	ErrTimeout              // no answer in time; the request may still take effect
	ErrBadRequest           // an operation that does not fit the value it meets
	ErrOverloaded           // the node's queue is full; nothing was done
	// fewer replicas than asked acknowledged in time; the write may be on some of them
	ErrQuorum
	// the node has restarted since the client heard of it; it did not take the request
	ErrRestarted
	ErrUnsupported // the mode does not offer the operation; nothing was done
	NumErrCodes    // the number of codes
)

// String returns the code's name.
func (e ErrCode) String() string {
	return [...]string{"none", "not-leader", "no-leader", "deposed", "token-lost", "token-timeout",
		"lease-expired", "cross-shard", "timeout", "bad-request", "overloaded", "quorum-not-reached",
		"restarted",
		"unsupported", "?"}[min(e, NumErrCodes)]
}

// Size returns about how many bytes r takes on the wire.
func (r *Request) Size() int {
	if r == nil {
		return 0
	}
	n := 32 + len(r.Key) + r.Value.Size() + r.Object.Size() + 16*len(r.Token) + 24*len(r.Txn)
	for _, k := range r.Keys {
		n += len(k) + 2
	}
	return n
}

// Size returns about how many bytes r takes on the wire.
func (r *Reply) Size() int {
	if r == nil {
		return 0
	}
	n := 40 + r.Value.Size() + r.Object.Size() + 16*len(r.Token) + 12*len(r.Dots) + 8*len(r.Legs)
	for i := range r.Answers {
		n += 4 + 12*len(r.Answers[i].Dots)
	}
	for i := range r.Values {
		n += r.Values[i].Size()
	}
	return n
}
