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
}

// Size returns about how many bytes m takes on the wire.
func (m *Message) Size() int {
	n := 48
	for i := range m.Entries {
		n += 16 + m.Entries[i].Req.Size()
	}
	return n + m.Req.Size() + m.Reply.Size()
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
)

// ReadsOnly reports whether the operation changes nothing.
func (k OpKind) ReadsOnly() bool { return k == OpRead || k == OpPeek }

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
	Acks   uint64 // bit mask of the nodes that acknowledged the write
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
	NumErrCodes             // the number of codes
)

// String returns the code's name.
func (e ErrCode) String() string {
	return [...]string{"none", "not-leader", "no-leader", "deposed", "token-lost", "token-timeout",
		"lease-expired", "cross-shard", "timeout", "bad-request", "overloaded", "?"}[min(e, NumErrCodes)]
}

// Size returns about how many bytes r takes on the wire.
func (r *Request) Size() int {
	if r == nil {
		return 0
	}
	n := 32 + len(r.Key) + r.Value.Size() + 16*len(r.Token) + 24*len(r.Txn)
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
	n := 40 + r.Value.Size() + 16*len(r.Token)
	for i := range r.Values {
		n += r.Values[i].Size()
	}
	return n
}
