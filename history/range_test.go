package history

import (
	"strings"
	"testing"
)

func TestRangesInLists(t *testing.T) {
	for _, c := range []struct {
		list []int64
		want string
	}{
		{[]int64{1, 2, 3}, "[1 2 3]"}, {[]int64{1, 2, 3, 4}, "[1..4]"}, {[]int64{-2, -1, 0, 1, 5},
			"[-2..1 5]"},
		{[]int64{1, 2, 3, 4, 4, 5, 6, 7, 9, 8}, "[1..4 4..7 9 8]"}, {nil, "[]"},
	} {
		v := IntsValue(c.list...)
		if v.String() != c.want {
			t.Errorf("%v is drawn as %s, want %s", c.list, v, c.want)
		}
		h, err := ParseDrawing("s1 |r k=" + c.want + "|")
		if err != nil {
			t.Errorf("%s: %v", c.want, err)
		} else if got := h.Op(0).Result; !got.Equal(v) {
			t.Errorf("%s is read as %v", c.want, got)
		}
	}
}

func TestBadRanges(t *testing.T) {
	for _, text := range []string{"[4..1]", "[1..a]", "[0..10000]", "[1..]",
		"[-9223372036854775808..9223372036854775807]"} {
		_, err := ParseDrawing("s1 |r k=" + text + "|")
		if err == nil || !strings.Contains(err.Error(), "range") && !strings.Contains(err.Error(), "value") {
			t.Errorf("%s: got %v", text, err)
		}
	}
}
