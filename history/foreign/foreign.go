// Package foreign reads histories that other tools recorded, and writes ours in a form that they read.
//
// What cannot be understood is an error with line and column. What is understood means here what it means
// there: no event is left out that could change a verdict, and a function that this package does not know
// keeps its name, so that a checker can say that it does not know it either.
package foreign

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/rashomon-harness/rashomon/history"
)

// Format is the name of a form that a history is recorded in.
type Format string

// The formats that Read reads. Formats has their meanings.
const (
	JSONL        Format = "jsonl"
	JepsenEDN    Format = "jepsen-edn"
	JepsenText   Format = "jepsen-txt"
	PorcupineLog Format = "porcupine-log"
	KVLog        Format = "kv-log"
	JSON         Format = "json"
)

// FormatInfo is one row of the table of formats.
type FormatInfo struct {
	Name    Format
	Meaning string // one line
}

// Formats returns the formats that Read reads.
func Formats() []FormatInfo {
	return []FormatInfo{
		{JSONL, "Rashomon's own record: a header, then one JSON object a line"},
		{JepsenEDN, "Jepsen's history.edn: one map an operation, or one vector of them all"},
		{JepsenText, "Jepsen's history.txt: process, type, f, value and error, separated by tabs"},
		{PorcupineLog, "Jepsen's log, as porcupine ships it: INFO jepsen.util - 0 :invoke :read nil"},
		{KVLog, `porcupine's key-value logs: {:process 0, :type :invoke, :f :get, :key "0", :value nil}`},
		{JSON, `Jepsen's history as JSON: an array of objects, or one after another; fields as in EDN`},
	}
}

// ParseFormat returns the format of that name; the error says which there are.
func ParseFormat(name string) (Format, error) {
	var names []string
	for _, row := range Formats() {
		if string(row.Name) == name {
			return row.Name, nil
		}
		names = append(names, string(row.Name))
	}
	return "", fmt.Errorf("no format %q of histories; allowed: %s", name, strings.Join(names, ", "))
}

// ErrFormat is wrapped by the errors of Read about what stands in the file. Those about JSONL wrap
// history.ErrFormat instead.
var ErrFormat = errors.New("not a history in this format")

// Options says what a file does not say itself.
type Options struct {
	// Keyed says that the values are tuples [key value], as jepsen.independent writes them.
	Keyed bool
	// Refusals says that a cas which failed, without an error that says why, was refused: the value was
	// not the one expected. That is how porcupine reads its logs, and always so for PorcupineLog. In
	// Jepsen, fail means that nothing happened, for whatever reason; of the 113 histories that Knossos
	// ships as linearizable, 9 are not when their failed cas are taken for refusals.
	Refusals bool
}

// Read reads a history. The formats are described at Formats, the fields of an operation at WriteEDN.
//
// Of several operations without :process each is a process of its own; its completion is the next with
// the same function, and with the same value if need be. Time alone says what precedes what. Where all
// events lack :time, their order is the time, a nanosecond apart. An invocation without completion is
// info. Sessions are the processes ("p3") unless there is a field :session. Events of the nemesis become
// faults where they can be paired.
//
// Functions keep their names but for these: get is read, put is write, compare-and-set is cas; inc and
// increment are incr, dec and decrement are decr. An operation whose value is a list of micro-operations
// ([:r 1 nil], [:w 1 2], [:append 1 2]) is a txn when its function is txn, read, or not there; their keys
// become strings. What history.Value has no kind for stands as a map: {"edn": ":x"} for the keyword :x.
//
// Tolerated, and told in History.Warns: an invocation while the process has an operation open, or after
// it ended with info; events of the nemesis that pair to no fault; log lines about other things; a last
// line without newline that may have been cut.
func Read(r io.Reader, format Format, options Options) (*history.History, error) {
	l := newLoader(options)
	var err error
	switch format {
	case JSONL:
		return history.Read(r)
	case JepsenEDN, KVLog:
		err = l.readEDN(r)
	case JepsenText:
		err = l.readLines(r, l.textLine)
	case PorcupineLog:
		l.options.Refusals = true
		err = l.readLines(r, l.logLine)
	case JSON:
		l.json = true
		err = l.readJSON(r)
	default:
		_, err = ParseFormat(string(format))
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrFormat, format, err)
	}
	return l.history(), nil
}
