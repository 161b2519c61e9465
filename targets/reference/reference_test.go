package reference

import (
	"fmt"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/client"
)

func TestNames(t *testing.T) {
	n := NewMapper([]string{"n1", "n2", "n3"}, 2)
	for range 2 { // made, then remembered
		if got := fmt.Sprint(n.set(0), n.set(1), n.set(6), n.Name(2), n.Name(refimpl.Nobody),
			n.Name(3)); got !=
			"[] [n1] [n2 n3]n3" {
			t.Errorf("got %q", got)
		}
		if got := fmt.Sprint(n.source(1, 7), n.source(0, 7), n.source(2, 1)); got != "s1e7s0e7s2e1" {
			t.Errorf("got %q", got)
		}
	}
}

// BenchmarkBorder is what an arm adds to an operation: conversion there and back, and evidence.
func BenchmarkBorder(b *testing.B) {
	m := NewMapper([]string{"n1", "n2", "n3"}, 1)
	ev := history.Event{F: history.FWrite, Key: "k", Value: history.IntValue(1)}
	r := client.Result{Reply: &refimpl.Reply{By: 0, Epoch: 1, Index: 7, Acks: 7}}
	var call client.Call
	b.ReportAllocs()
	for b.Loop() {
		if problem := m.Call(&ev, &call); problem.Code != history.NoError {
			b.Fatal(problem)
		}
		op := OperationOf(&ev)
		if c := m.Completion(&op, &r); c.Node != "n1" {
			b.Fatal(c)
		}
	}
}

func TestCodesAreTotal(t *testing.T) {
	for e, c := range codes {
		name := refimpl.ErrCode(e).String()
		if c.String() != name && !(e == 0 && c == history.NoError) {
			t.Errorf("the store's %s maps to %q", name, c)
		}
	}
	if Code(200) != history.Internal {
		t.Errorf("an unknown code maps to %v", Code(200))
	}
}

func FuzzValues(f *testing.F) {
	f.Add(int64(3), "text", byte(0))
	f.Add(int64(-1), "", byte(27))
	f.Fuzz(func(t *testing.T, n int64, s string, shape byte) {
		leaf := []history.Value{{}, history.IntValue(n), history.StringValue(s),
			history.BoolValue(n > 0)}[shape%4]
		v := leaf
		for range shape / 4 % 5 {
			v = history.ListValue(v, leaf)
		}
		var stored refimpl.Value
		if problem := toStore(v, &stored); problem.Code != history.NoError {
			t.Fatalf("%v: %v", v, problem)
		}
		if back := fromStore(stored); !back.Equal(v) {
			t.Fatalf("%v came back as %v", v, back)
		}
	})
}
