package agent

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"

	"github.com/rashomon-harness/rashomon/nemesis/agent/packets"
)

// ErrNoLease is the error of a fault that was asked for without a live lease. Nothing was done.
var ErrNoLease = errors.New("no live lease: a fault needs one, so that it does not outlive the harness; " +
	"PUT /v1/lease gives one")

// requestError is a request that cannot be understood or is not allowed.
type requestError struct {
	status int
	text   string
}

// Error returns what is wrong with the request.
func (e *requestError) Error() string { return e.text }

// badRequest returns the error of a request that is wrong in itself.
func badRequest(format string, args ...any) error {
	return &requestError{http.StatusBadRequest, fmt.Errorf(format, args...).Error()}
}

// guard lets those in who know the token. Whether the agent is there at all may be asked without one. The
// comparison takes the same time for every wrong token.
func guard(token string, next http.Handler) http.Handler {
	want := sha256.Sum256([]byte("Bearer " + token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given := r.Header.Get("Authorization")
		have := sha256.Sum256([]byte(given))
		free := given == "" && r.URL.Path == "/v1/health"
		if !free && subtle.ConstantTimeCompare(have[:], want[:]) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			answer(w, http.StatusUnauthorized, failure{Error: "the token is missing or wrong"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// decode reads a body of at most limit bytes into a value. A body that is empty leaves the value as it is.
func decode(w http.ResponseWriter, r *http.Request, limit int64, into any) error {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, limit))
	dec.DisallowUnknownFields()
	err := dec.Decode(into)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil {
		if _, err = dec.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = errors.New("more than one value")
		}
	}
	if large := new(http.MaxBytesError); errors.As(err, &large) {
		return &requestError{http.StatusRequestEntityTooLarge,
			fmt.Sprintf("the body is too large; allowed: %d bytes", limit)}
	}
	if other := new(json.UnmarshalTypeError); errors.As(err, &other) {
		return badRequest("%s: a JSON %s is not allowed; allowed: %s", cmp.Or(other.Field, "the body"),
			other.Value, inJSON(other.Type.Kind()))
	}
	return badRequest("the body: %s", strings.TrimPrefix(err.Error(), "json: "))
}

// inJSON returns what a kind of our types is called in JSON.
func inJSON(kind reflect.Kind) string {
	switch kind {
	case reflect.Struct:
		return "object"
	case reflect.Slice:
		return "array"
	case reflect.Int64:
		return "integer of 64 bits"
	}
	return kind.String() // bool, string
}

// refuse answers a request that failed.
func (k *keeper) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusInternalServerError
	request, unsupported := new(requestError), new(packets.Unsupported)
	switch {
	case errors.As(err, &request):
		status = request.status
	case errors.Is(err, ErrNoLease):
		status = http.StatusConflict
	case errors.As(err, &unsupported):
		status = http.StatusUnprocessableEntity
	case errors.Is(err, errClosing), errors.Is(err, errHealing), errors.Is(err, errBusy):
		status = http.StatusServiceUnavailable
	}
	k.log.Warn("refused", "request", r.Method+" "+r.URL.Path, "status", status, "error", err)
	answer(w, status, failure{Error: err.Error(), Unsupported: status == http.StatusUnprocessableEntity})
}

// answer writes a body. A client that has gone is no concern of ours.
func answer(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		status = http.StatusInternalServerError
		text = []byte(`{"error":"the answer cannot be written as JSON"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n'))
}
