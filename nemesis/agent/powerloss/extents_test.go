package powerloss

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// drawn shows extents as "off:text off:text".
func drawn(x *extents) string {
	var all []string
	for _, e := range x.all() {
		all = append(all, fmt.Sprintf("%d:%s", e.off, e.data))
	}
	return strings.Join(all, " ")
}

// checkExtents fails the test when the extents are not what their type promises.
func checkExtents(t *testing.T, x *extents) {
	t.Helper()
	bytes, count := int64(0), 0
	for cell, list := range x.cells {
		if len(list) == 0 {
			t.Fatalf("cell %d is there and empty", cell)
		}
		for i, e := range list {
			bytes, count = bytes+int64(len(e.data)), count+1
			if len(e.data) == 0 || e.off/cellBytes != cell || (e.end()-1)/cellBytes != cell {
				t.Fatalf("extent %d of cell %d is [%d, %d)", i, cell, e.off, e.end())
			}
			if i > 0 && list[i-1].end() >= e.off {
				t.Fatalf("extent %d of cell %d begins at %d, the one before ends at %d",
					i, cell, e.off, list[i-1].end())
			}
			if cap(e.data) > 2*len(e.data)+64 {
				t.Fatalf("extent %d of cell %d: %d bytes in memory of %d", i, cell, len(e.data), cap(e.data))
			}
		}
	}
	if bytes != x.bytes || count != x.count {
		t.Fatalf("%d extents with %d bytes are counted as %d with %d", count, bytes, x.count, x.bytes)
	}
}

func TestExtents(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(x *extents)
		want string
	}{
		{"nothing", func(*extents) {}, ""},
		{"an empty write", func(x *extents) { x.put(3, nil) }, ""},
		{"one", func(x *extents) { x.put(3, []byte("abc")) }, "3:abc"},
		{"two apart", func(x *extents) { x.put(9, []byte("x")); x.put(3, []byte("abc")) }, "3:abc 9:x"},
		{"touching behind", func(x *extents) { x.put(3, []byte("abc")); x.put(6, []byte("d")) }, "3:abcd"},
		{"touching before", func(x *extents) { x.put(3, []byte("abc")); x.put(2, []byte("z")) }, "2:zabc"},
		{"inside", func(x *extents) { x.put(3, []byte("abcde")); x.put(4, []byte("XY")) }, "3:aXYde"},
		{"over the end", func(x *extents) { x.put(3, []byte("abc")); x.put(5, []byte("XY")) }, "3:abXY"},
		{"over the begin", func(x *extents) { x.put(3, []byte("abc")); x.put(2, []byte("XY")) }, "2:XYbc"},
		{"over all", func(x *extents) { x.put(3, []byte("abc")); x.put(1, []byte("1234567")) }, "1:1234567"},
		{"filling a gap", func(x *extents) {
			x.put(0, []byte("ab"))
			x.put(4, []byte("ef"))
			x.put(2, []byte("cd"))
		}, "0:abcdef"},
		{"swallowing several", func(x *extents) {
			for off := int64(0); off < 20; off += 4 {
				x.put(off, []byte("ab"))
			}
			x.put(5, []byte("12345678"))
		}, "0:ab 4:a12345678b 16:ab"},
		{"across cells", func(x *extents) { x.put(cellBytes-2, []byte("abcd")) },
			fmt.Sprintf("%d:ab %d:cd", cellBytes-2, cellBytes)},
		{"cut the middle", func(x *extents) { x.put(3, []byte("abcde")); x.cut(4, 6) }, "3:a 6:de"},
		{"cut the end", func(x *extents) { x.put(3, []byte("abcde")); x.cut(5, endless) }, "3:ab"},
		{"cut the begin", func(x *extents) { x.put(3, []byte("abcde")); x.cut(0, 5) }, "5:cde"},
		{"cut all", func(x *extents) { x.put(3, []byte("abcde")); x.cut(0, endless) }, ""},
		{"cut nothing", func(x *extents) {
			x.put(3, []byte("ab"))
			x.cut(5, 9)
			x.cut(4, 4)
			x.cut(0, 3)
		}, "3:ab"},
		{"cut across cells", func(x *extents) {
			x.put(cellBytes-2, []byte("abcd"))
			x.cut(cellBytes-1, cellBytes+1)
		}, fmt.Sprintf("%d:a %d:d", cellBytes-2, cellBytes+1)},
		{"what is cut stays apart", func(x *extents) {
			x.put(0, []byte("abcdef"))
			x.cut(2, 4)
			x.put(2, []byte("X")) // must not reach into the part behind
		}, "0:abX 4:ef"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var x extents
			tc.do(&x)
			checkExtents(t, &x)
			if got := drawn(&x); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestExtentsCover(t *testing.T) {
	var x extents
	x.put(10, []byte("0123456789"))
	x.put(30, []byte("0123456789"))
	for _, tc := range []struct {
		off, n int64
		want   bool
	}{
		{10, 10, true}, {12, 3, true}, {39, 1, true},
		{9, 2, false}, {19, 2, false}, {10, 30, false}, {0, 5, false},
	} {
		if got := x.covers(tc.off, tc.n); got != tc.want {
			t.Errorf("covers(%d, %d) = %v", tc.off, tc.n, got)
		}
	}
	if (&extents{}).covers(0, 1) {
		t.Error("nothing covers something")
	}
}

// What is kept depends on which bytes were written, not on how often.
func TestExtentsStaySmall(t *testing.T) {
	luck := rand.New(rand.NewPCG(1, 2))
	orders := map[string]func(i int) int64{
		"forward":  func(i int) int64 { return int64(i%4096) * 64 },
		"backward": func(i int) int64 { return int64(4095-i%4096) * 64 },
		"anywhere": func(int) int64 { return luck.Int64N(4096) * 64 },
		"one":      func(int) int64 { return 64 },
	}
	record := make([]byte, 64)
	for name, at := range orders {
		var x extents
		for i := range 40000 {
			x.put(at(i), record)
		}
		checkExtents(t, &x)
		if x.bytes > 4096*64 || x.count > 4096*64/cellBytes {
			t.Errorf("%s: %d extents with %d bytes", name, x.count, x.bytes)
		}
	}
}

func TestCostOfWrite(t *testing.T) {
	luck := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		var x extents
		for range 30 {
			n, before := luck.IntN(3*cellBytes), x.cost()
			x.put(luck.Int64N(20*cellBytes), make([]byte, n))
			if grown := x.cost() - before; grown > costOfWrite(n) {
				t.Fatalf("a write of %d bytes took %d, the most is %d", n, grown, costOfWrite(n))
			}
		}
	}
}

func TestSpans(t *testing.T) {
	for _, tc := range []struct {
		add  []span
		want spans
	}{
		{nil, nil},
		{[]span{{3, 3}, {5, 4}}, nil},
		{[]span{{5, 9}, {1, 2}}, spans{{1, 2}, {5, 9}}},
		{[]span{{1, 2}, {2, 4}}, spans{{1, 4}}},
		{[]span{{2, 4}, {1, 2}}, spans{{1, 4}}},
		{[]span{{1, 9}, {3, 4}}, spans{{1, 9}}},
		{[]span{{1, 2}, {4, 5}, {7, 8}, {2, 7}}, spans{{1, 8}}},
		{[]span{{4, 5}, {1, endless}}, spans{{1, endless}}},
		{[]span{{10, endless}, {1, 4}, {8, endless}}, spans{{1, 4}, {8, endless}}},
	} {
		var s spans
		for _, a := range tc.add {
			s.add(a.from, a.to)
		}
		if !slices.Equal(s, tc.want) {
			t.Errorf("%v: got %v, want %v", tc.add, s, tc.want)
		}
	}
	s := spans{{2, 4}, {8, endless}}
	for _, tc := range []struct {
		off        int64
		text, want string
	}{
		{0, "abcdefghij", "ab00efgh00"}, {3, "abc", "0bc"}, {4, "abcd", "abcd"}, {9, "ab", "00"}, {0, "", ""},
	} {
		got := []byte(tc.text)
		s.clear(got, tc.off)
		if text := strings.ReplaceAll(string(got), "\x00", "0"); text != tc.want {
			t.Errorf("%q at %d: got %q, want %q", tc.text, tc.off, text, tc.want)
		}
	}
}
