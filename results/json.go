package results

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/rashomon-harness/rashomon/harness"
)

// JSON writes the outcome in the form that docs/schema/outcome.schema.json describes.
func JSON(w io.Writer, out *harness.Outcome) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(complete(out)); err != nil {
		return fmt.Errorf("outcome cannot be written as JSON: %w", err)
	}
	return nil
}

// complete returns a copy of out without nil where the schema promises a list or an object, so that
// readers need not care.
func complete(out *harness.Outcome) *harness.Outcome {
	c := *out
	c.Rows = present(slices.Clone(out.Rows))
	for i := range c.Rows {
		row := &c.Rows[i]
		row.Cells, row.Expectations = present(row.Cells), present(row.Expectations)
		row.Seeds = present(slices.Clone(row.Seeds))
		if row.Config == nil {
			row.Config = map[string]any{}
		}
		for j := range row.Seeds {
			seed := &row.Seeds[j]
			seed.Verdicts = present(seed.Verdicts)
			if seed.Faults == nil {
				seed.Faults = map[string]harness.FaultCounts{}
			}
		}
	}
	return &c
}

// present returns list, or an empty list in place of nil.
func present[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
