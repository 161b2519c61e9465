package etcd

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rashomon-harness/rashomon/history"
)

// rpcErrors returns the texts of all errors that etcd's client library knows, by their names, as they stand
// in its source: the package has no list of them.
func rpcErrors(t *testing.T) map[string]string {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-f", "{{.Dir}}",
		"go.etcd.io/etcd/api/v3/v3rpc/rpctypes").Output()
	if err != nil {
		t.Fatalf("finding the source of the errors: %v", err)
	}
	path := filepath.Join(strings.TrimSpace(string(dir)), "error.go")
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "ErrGRPC") {
			return true
		}
		if call, ok := spec.Values[0].(*ast.CallExpr); ok && len(call.Args) == 2 {
			text, err := strconv.Unquote(call.Args[1].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			out[spec.Names[0].Name] = text
		}
		return true
	})
	return out
}

func TestEveryErrorOfEtcdHasAMeaning(t *testing.T) {
	known := rpcErrors(t)
	if len(known) < 60 {
		t.Fatalf("found only %d errors in the library's source", len(known))
	}
	for name, text := range known {
		if _, ok := etcdErrors[text]; !ok {
			t.Errorf("%s (%s) has no meaning", name, text)
		}
	}
}

func TestEveryCodeOfGRPCHasAMeaning(t *testing.T) {
	n := 0
	for ; !strings.HasPrefix(codes.Code(n).String(), "Code("); n++ {
		m := both(history.NoError)
		if n < len(grpcCodes) {
			m = grpcCodes[n]
		}
		if n > 0 && (m.write == history.NoError || m.read == history.NoError) {
			t.Errorf("%v has no meaning", codes.Code(n))
		}
	}
	if n != len(grpcCodes) {
		t.Errorf("the table has %d codes, gRPC %d", len(grpcCodes), n)
	}
}

// The writes of which it is certain that they have not happened and never will. Each must be argued for, in
// the table; this list keeps others from becoming definite by accident.
func TestDefiniteWrites(t *testing.T) {
	certain := map[string]bool{"raft proposal dropped": true}
	for _, err := range append(beforeProposal, rpctypes.ErrGRPCRequestTooManyRequests,
		rpctypes.ErrGRPCNotCapable, rpctypes.ErrGRPCNotSupportedForLearner) {
		certain[rpctypes.ErrorDesc(err)] = true
	}
	for text, m := range etcdErrors {
		if m.write.Definite() != certain[text] {
			t.Errorf("a write that ends with %q counts as definite: %v", text, m.write.Definite())
		}
	}
	for code, m := range grpcCodes {
		if codes.Code(code) != codes.OK && m.write.Definite() {
			t.Errorf("a write that ends with gRPC's %v counts as definite", codes.Code(code))
		}
	}
}

func TestFailure(t *testing.T) {
	deadline := status.Error(codes.DeadlineExceeded, "context deadline exceeded")
	for _, tc := range []struct {
		err          error
		writes, sent bool
		want         history.Code
	}{
		{nil, true, true, history.NoError},
		{nil, true, false, history.NoError},
		{rpctypes.ErrNoLeader, true, true, history.Deposed},
		{rpctypes.ErrNoLeader, false, true, history.NoLeader},
		{rpctypes.ErrGRPCNoLeader, false, true, history.NoLeader},
		{rpctypes.ErrLeaderChanged, true, true, history.Deposed},
		{rpctypes.ErrTimeoutDueToLeaderFail, true, true, history.Timeout},
		{rpctypes.ErrNoSpace, true, true, history.DiskFailed},
		{rpctypes.ErrTooManyRequests, true, true, history.Overloaded},
		{fmt.Errorf("wrapped: %w", rpctypes.ErrStopped), true, true, history.ConnectionLost},
		{status.Error(codes.Unknown, "raft proposal dropped"), true, true, history.NoLeader},
		{status.Error(codes.Unknown, "raft: stopped"), true, true, history.ConnectionLost},
		{status.Error(codes.Unavailable, "error reading: EOF"), true, true, history.ConnectionLost},
		{status.Error(codes.Unavailable, "connection refused"), true, false, history.ConnectionRefused},
		{status.Error(codes.Code(77), "from the future"), true, true, history.Internal},
		{context.DeadlineExceeded, true, true, history.Timeout},
		{context.DeadlineExceeded, true, false, history.ConnectionRefused},
		{deadline, false, true, history.Timeout},
		{context.Canceled, true, true, history.Timeout},
		{fmt.Errorf("something else"), true, true, history.Internal},
		{rpctypes.ErrDuplicateKey, true, true, history.BadRequest},
	} {
		got := failure(tc.err, tc.writes, tc.sent)
		if got.Code != tc.want || (tc.err != nil && got.Text == "") {
			t.Errorf("%v, write %v, sent %v: %v %q, want %v", tc.err, tc.writes, tc.sent, got.Code, got.Text,
				tc.want)
		}
	}
}
