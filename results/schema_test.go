package results

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/harness"
)

// schema is the part of JSON Schema that the published file uses.
type schema struct {
	Ref        string             `json:"$ref"`
	Defs       map[string]*schema `json:"$defs"`
	Type       string             `json:"type"`
	Properties map[string]*schema `json:"properties"`
	Required   []string           `json:"required"`
	Items      *schema            `json:"items"`
	Enum       []any              `json:"enum"`
	Const      any                `json:"const"`
	Additional json.RawMessage    `json:"additionalProperties"`
}

func readSchema(t *testing.T) *schema {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "docs", "schema", "outcome.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	s := &schema{}
	if err := json.Unmarshal(data, s); err != nil {
		t.Fatal(err)
	}
	return s
}

// resolved follows a reference to a definition.
func (s *schema) resolved(root *schema) *schema {
	for s.Ref != "" {
		s = root.Defs[strings.TrimPrefix(s.Ref, "#/$defs/")]
	}
	return s
}

// check returns what is wrong with a value.
func (s *schema) check(root *schema, path string, value any) []string {
	s = s.resolved(root)
	var wrong []string
	if s.Enum != nil && !slices.Contains(s.Enum, value) || s.Const != nil && s.Const != value {
		wrong = append(wrong, fmt.Sprintf("%s: %v is not among the values allowed", path, value))
	}
	switch v := value.(type) {
	case map[string]any:
		if s.Type != "object" {
			return append(wrong, fmt.Sprintf("%s: an object, not %s", path, s.Type))
		}
		wrong = append(wrong, s.checkObject(root, path, v)...)
	case []any:
		if s.Type != "array" {
			return append(wrong, fmt.Sprintf("%s: a list, not %s", path, s.Type))
		}
		for i, e := range v {
			wrong = append(wrong, s.Items.check(root, fmt.Sprintf("%s[%d]", path, i), e)...)
		}
	case string:
		if s.Type != "string" {
			wrong = append(wrong, fmt.Sprintf("%s: a string, not %s", path, s.Type))
		}
	case bool:
		if s.Type != "boolean" {
			wrong = append(wrong, fmt.Sprintf("%s: a boolean, not %s", path, s.Type))
		}
	case float64:
		if s.Type != "number" && (s.Type != "integer" || v != float64(int64(v))) {
			wrong = append(wrong, fmt.Sprintf("%s: %v, not %s", path, v, s.Type))
		}
	default:
		wrong = append(wrong, fmt.Sprintf("%s: null", path))
	}
	return wrong
}

func (s *schema) checkObject(root *schema, path string, object map[string]any) []string {
	var wrong []string
	for _, name := range s.Required {
		if _, ok := object[name]; !ok {
			wrong = append(wrong, fmt.Sprintf("%s: %s is missing", path, name))
		}
	}
	for name, value := range object {
		below := &schema{}
		switch {
		case s.Properties[name] != nil:
			below = s.Properties[name]
		case string(s.Additional) == "false":
			wrong = append(wrong, fmt.Sprintf("%s: %s is not allowed", path, name))
			continue
		case s.Additional == nil:
			continue
		default:
			if err := json.Unmarshal(s.Additional, below); err != nil {
				wrong = append(wrong, err.Error())
			}
		}
		wrong = append(wrong, below.check(root, path+"."+name, value)...)
	}
	return wrong
}

func checkOutcome(t *testing.T, root *schema, out *harness.Outcome) []string {
	t.Helper()
	var buf bytes.Buffer
	if err := JSON(&buf, out); err != nil {
		t.Fatal(err)
	}
	var value any
	if err := json.Unmarshal(buf.Bytes(), &value); err != nil {
		t.Fatal(err)
	}
	return root.check(root, "outcome", value)
}

func TestOutcomesFollowTheSchema(t *testing.T) {
	root := readSchema(t)
	for name, out := range map[string]*harness.Outcome{
		"full":       sampleOutcome(),
		"empty":      {Schema: 1},
		"empty rows": {Schema: 1, Rows: []harness.Row{{Env: "sim", Seeds: []harness.SeedOutcome{{}}}}},
	} {
		if wrong := checkOutcome(t, root, out); len(wrong) > 0 {
			t.Errorf("%s:\n%s", name, strings.Join(wrong, "\n"))
		}
	}
	for name, out := range map[string]*harness.Outcome{
		"schema": {Schema: 2},
		"exit":   {Schema: 1, Exit: 7},
		"env":    {Schema: 1, Rows: []harness.Row{{Env: "moon"}}},
	} {
		if len(checkOutcome(t, root, out)) == 0 {
			t.Errorf("%s: a wrong outcome passes", name)
		}
	}
}

// Every field of the Go types is in the schema, and nothing else; what is never left out is required.
func TestSchemaHasTheFields(t *testing.T) {
	root := readSchema(t)
	types := map[string]reflect.Type{
		"Outcome":           reflect.TypeFor[harness.Outcome](),
		"Row":               reflect.TypeFor[harness.Row](),
		"Cell":              reflect.TypeFor[harness.Cell](),
		"Witness":           reflect.TypeFor[harness.Witness](),
		"Anomaly":           reflect.TypeFor[checkers.Anomaly](),
		"SeedOutcome":       reflect.TypeFor[harness.SeedOutcome](),
		"FaultCounts":       reflect.TypeFor[harness.FaultCounts](),
		"Verdict":           reflect.TypeFor[checkers.Verdict](),
		"ExpectationResult": reflect.TypeFor[harness.ExpectationResult](),
	}
	for name, typ := range types {
		def := root.Defs[name]
		if def == nil {
			t.Errorf("%s is not defined", name)
			continue
		}
		var fields, required []string
		for i := range typ.NumField() {
			field, options, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			if field == "-" {
				continue
			}
			fields = append(fields, field)
			if options != "omitempty" {
				required = append(required, field)
			}
			if below := def.Properties[field]; below != nil {
				checkType(t, name+"."+field, typ.Field(i).Type, below.resolved(root))
			}
		}
		slices.Sort(fields)
		slices.Sort(required)
		if got := slices.Sorted(maps.Keys(def.Properties)); !slices.Equal(got, fields) {
			t.Errorf("%s: the schema has %v, the type %v", name, got, fields)
		}
		if got := slices.Sorted(slices.Values(def.Required)); !slices.Equal(got, required) {
			t.Errorf("%s: the schema requires %v, the type %v", name, got, required)
		}
	}
}

// checkType compares the type of a field with its schema.
func checkType(t *testing.T, path string, typ reflect.Type, s *schema) {
	t.Helper()
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	want := "integer"
	switch {
	case typ == reflect.TypeFor[checkers.Result](), typ.Kind() == reflect.String:
		want = "string"
	case typ.Kind() == reflect.Bool:
		want = "boolean"
	case typ.Kind() == reflect.Float64:
		want = "number"
	case typ.Kind() == reflect.Slice:
		want = "array"
	case typ.Kind() == reflect.Map, typ.Kind() == reflect.Struct:
		want = "object"
	}
	if s.Type != want {
		t.Errorf("%s: %s in the schema, %s in the type", path, s.Type, want)
	}
}
