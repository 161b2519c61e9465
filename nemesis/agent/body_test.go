package agent

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// ask asks an agent in a fake pod that has a lease, and returns the status of the answer.
func askWith(t *testing.T, method, path, body string) int {
	t.Helper()
	api := newKeeper(testConfig(t), newFakePod().parts()).handler(token)
	send := func(method, path, body string) int {
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		return w.Code
	}
	send("PUT", "/v1/lease", "")
	return send(method, path, body)
}

func TestBodiesAreBounded(t *testing.T) {
	for _, route := range routes {
		method, path, _ := strings.Cut(route.pattern, " ")
		if path == "/v1/health" {
			continue // reads no body
		}
		limit := bodyBytesMax
		if path == "/v1/network" {
			limit = rulesBytesMax
		}
		body := "{}"
		if path == "/v1/clock" {
			body = `{"offset_ns":0}`
		}
		fits := body + strings.Repeat(" ", limit-len(body))
		if got := askWith(t, method, path, fits); got != http.StatusOK {
			t.Errorf("%s with %d bytes: %d", route.pattern, len(fits), got)
		}
		for _, large := range []string{fits + " ", `{"` + strings.Repeat("x", limit) + `":1}`} {
			if got := askWith(t, method, path, large); got != http.StatusRequestEntityTooLarge {
				t.Errorf("%s with %d bytes: %d, want 413", route.pattern, len(large), got)
			}
		}
	}
}

// FuzzBodies sends anything to all routes: it is carried out or refused as a mistake of the client.
func FuzzBodies(f *testing.F) {
	for i := range routes {
		for _, body := range []string{"", "{}", "null", "[", `{"ttl_ms":5000}`, `{"offset_ns":-1}`,
			`{"cuts":[{"peer":"10.0.0.2","loss_ppm":1,"reject":true}],"shapes":[{"peer":"fe80::1%x"}]}`,
			`{"shapes":[{"peer":"::1","delay_ns":1,"jitter_ns":2,"duplicate_ppm":3,"bytes_per_sec":4000}]}`} {
			f.Add(uint8(i), body)
		}
	}
	f.Fuzz(func(t *testing.T, i uint8, body string) {
		method, path, _ := strings.Cut(routes[int(i)%len(routes)].pattern, " ")
		if got := askWith(t, method, path, body); got != http.StatusOK && (got < 400 || got > 499) {
			t.Errorf("%s %s with %q: %d", method, path, body, got)
		}
	})
}
