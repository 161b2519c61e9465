package etcd

import (
	"context"
	"errors"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rashomon-harness/rashomon/history"
)

// meaning is what an error says about the operation that ended with it. A read has no effects, so that only
// the word for people depends on its column. A write's code is definite only where etcd certainly had not
// proposed the write yet, or proposed it to nobody.
type meaning struct{ write, read history.Code }

// both is the meaning of an error that says the same about reads and writes.
func both(c history.Code) meaning { return meaning{c, c} }

// etcdErrors has the meaning of every error that etcd sends, by its text: gRPC's codes alone are too coarse.
// The groups are in order of what is known.
var etcdErrors = func() map[string]meaning {
	table := map[string]meaning{}
	for _, group := range []struct {
		meaning
		errs []error
	}{
		{both(history.BadRequest), beforeProposal},
		{both(history.Overloaded), []error{rpctypes.ErrGRPCRequestTooManyRequests}},
		{both(history.Unsupported), []error{rpctypes.ErrGRPCNotCapable,
			rpctypes.ErrGRPCNotSupportedForLearner}},
		// A member that knows no leader refuses a write whose client asked it to. Which versions say so in
		// which other cases is not certain enough for a write.
		{meaning{history.Deposed, history.NoLeader}, []error{rpctypes.ErrGRPCNoLeader}},
		{meaning{history.Deposed, history.NotLeader}, []error{rpctypes.ErrGRPCNotLeader}},
		{both(history.Deposed), []error{rpctypes.ErrGRPCLeaderChanged}},
		{both(history.ConnectionLost), []error{rpctypes.ErrGRPCStopped}},
		{both(history.Timeout), tooLate},
		{both(history.QuorumNotReached), []error{rpctypes.ErrGRPCUnhealthy}},
		// The write that exceeds the quota is applied, and then answered with NoSpace (etcd issue 16659).
		{both(history.DiskFailed), []error{rpctypes.ErrGRPCNoSpace, rpctypes.ErrGRPCCorrupt}},
		{meaning{history.Internal, history.BadRequest}, []error{rpctypes.ErrGRPCCompacted,
			rpctypes.ErrGRPCFutureRev}},
		{both(history.Internal), notOfKeys},
	} {
		for _, err := range group.errs {
			table[rpctypes.ErrorDesc(err)] = group.meaning
		}
	}
	// Errors of the raft library that etcd hands on without a code of their own. A dropped proposal was
	// offered to this member's own raft instance, which did not take it and forwarded it to nobody.
	table["raft proposal dropped"] = both(history.NoLeader)
	table["raft: stopped"] = both(history.ConnectionLost)
	table["etcdserver: request cancelled"] = both(history.Timeout)
	return table
}()

// beforeProposal has the errors of requests that are looked at and refused before anything is proposed.
var beforeProposal = []error{
	rpctypes.ErrGRPCEmptyKey, rpctypes.ErrGRPCValueProvided, rpctypes.ErrGRPCLeaseProvided,
	rpctypes.ErrGRPCTooManyOps, rpctypes.ErrGRPCDuplicateKey, rpctypes.ErrGRPCInvalidSortOption,
	rpctypes.ErrGRPCRequestTooLarge, rpctypes.ErrGRPCInvalidClientAPIVersion,
}

// tooLate has the errors of requests that may be on their way still.
var tooLate = []error{
	rpctypes.ErrGRPCTimeout, rpctypes.ErrGRPCTimeoutDueToLeaderFail,
	rpctypes.ErrGRPCTimeoutDueToConnectionLost, rpctypes.ErrGRPCTimeoutWaitAppliedIndex,
	rpctypes.ErrGRPCCanceled, rpctypes.ErrGRPCDeadlineExceeded,
}

// notOfKeys has the errors of what this target never asks for: leases, members, users, watches.
var notOfKeys = []error{
	rpctypes.ErrGRPCKeyNotFound, rpctypes.ErrGRPCLeaseNotFound, rpctypes.ErrGRPCLeaseExist,
	rpctypes.ErrGRPCLeaseTTLTooLarge, rpctypes.ErrGRPCWatchCanceled,
	rpctypes.ErrGRPCMemberExist, rpctypes.ErrGRPCPeerURLExist, rpctypes.ErrGRPCMemberNotEnoughStarted,
	rpctypes.ErrGRPCMemberBadURLs, rpctypes.ErrGRPCMemberNotFound, rpctypes.ErrGRPCMemberNotLearner,
	rpctypes.ErrGRPCLearnerNotReady, rpctypes.ErrGRPCTooManyLearners, rpctypes.ErrGRPCClusterIDMismatch,
	rpctypes.ErrGRPCRootUserNotExist, rpctypes.ErrGRPCRootRoleNotExist, rpctypes.ErrGRPCUserAlreadyExist,
	rpctypes.ErrGRPCUserEmpty, rpctypes.ErrGRPCUserNotFound, rpctypes.ErrGRPCRoleAlreadyExist,
	rpctypes.ErrGRPCRoleNotFound, rpctypes.ErrGRPCRoleEmpty, rpctypes.ErrGRPCAuthFailed,
	rpctypes.ErrGRPCPermissionNotGiven, rpctypes.ErrGRPCPermissionDenied, rpctypes.ErrGRPCRoleNotGranted,
	rpctypes.ErrGRPCPermissionNotGranted, rpctypes.ErrGRPCAuthNotEnabled, rpctypes.ErrGRPCInvalidAuthToken,
	rpctypes.ErrGRPCInvalidAuthMgmt, rpctypes.ErrGRPCAuthOldRevision, rpctypes.ErrGRPCBadLeaderTransferee,
	rpctypes.ErrGRPCWrongDowngradeVersionFormat, rpctypes.ErrGRPCInvalidDowngradeTargetVersion,
	rpctypes.ErrGRPCClusterVersionUnavailable, rpctypes.ErrGRPCDowngradeInProcess,
	rpctypes.ErrGRPCNoInflightDowngrade,
}

// grpcCodes has the meaning of errors that are none of etcd's, by gRPC's code. Who made such an error, the
// client's side, the server's, or something between, is unknown, and so is when.
var grpcCodes = [...]meaning{
	codes.OK:                 both(history.NoError),
	codes.Canceled:           both(history.Timeout),
	codes.Unknown:            both(history.Internal),
	codes.InvalidArgument:    {history.Internal, history.BadRequest},
	codes.DeadlineExceeded:   both(history.Timeout),
	codes.NotFound:           {history.Internal, history.BadRequest},
	codes.AlreadyExists:      both(history.Internal),
	codes.PermissionDenied:   {history.Internal, history.BadRequest},
	codes.ResourceExhausted:  {history.Internal, history.Overloaded},
	codes.FailedPrecondition: both(history.Internal),
	codes.Aborted:            {history.Internal, history.Aborted},
	codes.OutOfRange:         {history.Internal, history.BadRequest},
	codes.Unimplemented:      {history.Internal, history.Unsupported},
	codes.Internal:           both(history.Internal),
	codes.Unavailable:        both(history.ConnectionLost),
	codes.DataLoss:           both(history.DiskFailed),
	codes.Unauthenticated:    {history.Internal, history.BadRequest},
}

// failure returns the history's error for one of the client's. writes says whether the operation has
// effects, sent whether any of it may have left for a node: what was not sent did not happen, whatever the
// error.
func failure(err error, writes, sent bool) history.Error {
	if err == nil {
		return history.Error{}
	}
	text, code := explain(err)
	if !sent {
		return history.Error{Code: history.ConnectionRefused, Text: "nothing was sent: " + text}
	}
	m, known := etcdErrors[text]
	if !known {
		m = both(history.Internal)
		if int(code) < len(grpcCodes) {
			m = grpcCodes[code]
		}
	}
	if writes {
		return history.Error{Code: m.write, Text: text}
	}
	return history.Error{Code: m.read, Text: text}
}

// explain returns the text of an error and gRPC's code. The client's library gives etcd's errors a type of
// its own, and the caller's context errors back as they are.
func explain(err error) (text string, code codes.Code) {
	var ofEtcd rpctypes.EtcdError
	switch {
	case errors.As(err, &ofEtcd):
		return ofEtcd.Error(), ofEtcd.Code()
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer came in time", codes.DeadlineExceeded
	case errors.Is(err, context.Canceled):
		return "the client was closed", codes.Canceled
	}
	if s, ok := status.FromError(err); ok {
		return s.Message(), s.Code()
	}
	return err.Error(), codes.Unknown
}
