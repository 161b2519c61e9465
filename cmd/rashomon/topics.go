package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/history/foreign"
	"github.com/rashomon-harness/rashomon/nemesis"
	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/results"
	"github.com/rashomon-harness/rashomon/workloads"
)

// topics returns everything that can be explained, from the tables that the program runs by.
func (a *app) topics() []topic {
	return []topic{
		workloadTopic(a.cat.Workloads),
		faultTopic(a.cat.Faults),
		propertyTopic(),
		anomalyTopic(),
		configTopic(),
		errorTopic(),
		markTopic(),
		situationTopic(),
		modelTopic(),
		formatTopic(),
	}
}

func workloadTopic(infos []workloads.Info) topic {
	t := topic{Name: "workloads", About: "What clients do (workload.name). All have keys, rate (operations" +
		" a second), concurrency (clients) and mix (weights of the operations); the options below stand" +
		" beside these."}
	for _, info := range infos {
		e := entry{Name: info.Name, Meaning: info.Summary}
		var weights []string
		for _, f := range slices.Sorted(maps.Keys(info.Mix)) {
			weights = append(weights, fmt.Sprintf("%s %d", f, info.Mix[f]))
		}
		e.Details = append(e.Details, detail{"mix", strings.Join(weights, ", ") + " (default)"})
		for _, name := range slices.Sorted(maps.Keys(info.Options)) {
			e.Details = append(e.Details, detail{name, info.Options[name]})
		}
		e.Details = append(e.Details, detail{"can be judged by", strings.Join(info.Makes, ", ")},
			detail{"when asked, also by", strings.Join(info.Offers, ", ")})
		t.Entries = append(t.Entries, e)
	}
	return t
}

func faultTopic(infos []nemesis.Info) topic {
	t := topic{Name: "faults", About: "What is broken (an entry of faults: `- partition: {shape: halves," +
		" every: 5s, for: 1s..3s}`). Each fault is an interval and always heals. The fields are shape," +
		" targets, clients, every, for, amount, after; each takes one value or a list to choose from," +
		" times and amounts also ranges."}
	for _, info := range infos {
		e := entry{Name: info.Family, Meaning: info.Summary + ". Needs of the environment: " + info.Needs}
		for _, shape := range slices.Sorted(maps.Keys(info.Shapes)) {
			about := info.Shapes[shape]
			if shape == info.Shape {
				about += " (default)"
			}
			e.Details = append(e.Details, detail{shape, about})
		}
		e.Details = append(e.Details, detail{"targets", strings.Join(info.Targets, ", ") + ", or names of" +
			" nodes"})
		if len(info.Clients) > 0 {
			e.Details = append(e.Details, detail{"clients", strings.Join(info.Clients, ", ")})
		}
		t.Entries = append(t.Entries, e)
	}
	return t
}

func configTopic() topic {
	t := topic{Name: "config", About: "The configuration of the reference store (target: reference)."}
	for _, f := range refimpl.ConfigFields() {
		e := entry{Name: f.Name, Meaning: f.Meaning + ". " + fieldDefault(&f) + fieldRange(&f)}
		for _, v := range f.Values {
			e.Details = append(e.Details, detail{v.Word, v.Meaning})
		}
		t.Entries = append(t.Entries, e)
	}
	return t
}

// fieldDefault says what a field is when it is not given, and which mode has it.
func fieldDefault(f *refimpl.Field) string {
	text := "Default: "
	switch {
	case f.Default == nil:
		text += f.Otherwise
	case f.Default == "":
		text += "none"
	default:
		text += fieldValue(f, f.Default)
	}
	if f.Mode != "" {
		text = "Mode: " + f.Mode + ". " + text
	}
	return text
}

// fieldValue writes a value of a field as a file would have it.
func fieldValue(f *refimpl.Field, value any) string {
	if n, ok := value.(int64); ok && f.Kind == refimpl.DurationField {
		return time.Duration(n).String()
	}
	return fmt.Sprint(value)
}

// fieldRange says what a number may be.
func fieldRange(f *refimpl.Field) string {
	if f.Kind != refimpl.IntField && f.Kind != refimpl.DurationField {
		return ""
	}
	return fmt.Sprintf("; allowed: %s to %s", fieldValue(f, f.Min), fieldValue(f, f.Max))
}

func errorTopic() topic {
	t := topic{Name: "errors", About: "Why an operation did not complete with ok. After a definite error" +
		" it certainly has not taken effect and never will; after an indefinite one nobody knows, unless" +
		" it was a read."}
	for _, c := range history.Codes() {
		kind := "indefinite"
		if c.Definite {
			kind = "definite"
		}
		t.Entries = append(t.Entries, entry{Name: c.Name, Meaning: c.Meaning + " (" + kind + ")"})
	}
	return t
}

func markTopic() topic {
	t := topic{Name: "marks", About: "The signs in the anomaly table."}
	for _, m := range results.Marks() {
		t.Entries = append(t.Entries, entry{Name: m.Mark, Meaning: m.Meaning})
	}
	return t
}

func situationTopic() topic {
	t := topic{Name: "situations", About: "Rare situations that the store reports and an outcome counts" +
		" (marks), so that it can be seen whether a run tested what it meant to. An experiment may ask for" +
		" them: expect.marks."}
	for m := range refimpl.NumMarks {
		t.Entries = append(t.Entries, entry{Name: m.String(), Meaning: situations[m]})
	}
	return t
}

func modelTopic() topic {
	t := topic{Name: "models", About: "What an object of a recorded history is (check --model). Without" +
		" --model the functions in the history choose one."}
	for _, m := range checkers.Models() {
		e := entry{Name: m.Name, Meaning: m.Meaning,
			Details: []detail{{"functions", strings.Join(m.Functions, ", ")}}}
		if all, err := checkers.OfModel(m.Name, checkers.LinOptions{}); err == nil {
			e.Details = append(e.Details, detail{"can be judged by", strings.Join(propertiesOf(all), ", ")})
		}
		t.Entries = append(t.Entries, e)
	}
	return t
}

func formatTopic() topic {
	t := topic{Name: "formats", About: "How histories are recorded (check --format, export --format)." +
		" Without --format the end of the file's name chooses one."}
	for _, f := range foreign.Formats() {
		t.Entries = append(t.Entries, entry{Name: string(f.Name), Meaning: f.Meaning})
	}
	return t
}

func propertyTopic() topic {
	return topic{Name: "properties", Entries: properties, About: "What histories are checked for" +
		" (checkers, expect). Operation a precedes b when it returned before b was called; only ok" +
		" operations bind."}
}

func anomalyTopic() topic {
	return topic{Name: "anomalies", Entries: anomalies, About: "The kinds of violations, as" +
		" expect.<property>.must-violate names them."}
}
