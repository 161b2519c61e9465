package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/harness"
	"github.com/rashomon-harness/rashomon/results"
)

// claim is a sentence about replication with the experiments that prove it.
type claim struct {
	id   string
	exps []*harness.Experiment
}

// about returns the claim's sentence.
func (c *claim) about() string { return c.exps[0].About }

// claimFlags are the flags of `rashomon claims`.
type claimFlags struct {
	display
	overrides
	parallel int
	quiet    bool
}

func (a *app) claimsCommand() *cobra.Command {
	f := &claimFlags{}
	cmd := &cobra.Command{
		Use:   "claims [ID...]",
		Short: "Prove claims about replication by experiment",
		Long: "Runs the claims that are built in, each a sentence about replicated data with one\n" +
			"experiment that shows it and, where the claim names a cure, one in which the cure holds\n" +
			"under the same faults and clients. Without ID it runs all of them and prints a table;\n" +
			"with one ID it explains that claim with the smallest counterexample.\n\n" +
			"Exit codes: 0 every claim came true, 1 one did not, 2 unknown, 3 bad input, 4 harness\n" +
			"failure or interrupted.",
		Example: "  rashomon claims\n  rashomon claims ryw\n  rashomon claims ryw --seeds 1..50",
	}
	f.outputFlag(cmd)
	cmd.Flags().StringVar(&f.seed, "seed", "", "run this seed only")
	cmd.Flags().StringVar(&f.seeds, "seeds", "", "run these seeds, over the claim's: 1..20 or 1,5,9..12")
	cmd.Flags().StringVar(&f.row, "row", "", "run only the variant of that name, or those that match as a"+
		" regular expression")
	cmd.MarkFlagsMutuallyExclusive("seed", "seeds")
	parallelFlag(cmd, &f.parallel)
	quietFlag(cmd, &f.quiet)
	cmd.RunE = func(cmd *cobra.Command, ids []string) error {
		claims, err := a.loadClaims(f, ids)
		if err != nil {
			return err
		}
		proofs, err := a.prove(cmd.Context(), f, claims)
		if err != nil {
			return err
		}
		if len(ids) == 1 && f.output == asTable && len(proofs) == 1 {
			return failure(a.explainProof(&proofs[0]))
		}
		return failure(a.showProofs(f, proofs))
	}
	return cmd
}

// loadClaims reads the claims of those ids, or all, in the order of their ids.
func (a *app) loadClaims(f *claimFlags, ids []string) ([]claim, error) {
	names, err := fs.Glob(a.claims, "claims/*.yaml")
	if err != nil {
		return nil, failure(err)
	}
	var all []string
	var claims []claim
	var wrong error
	for _, name := range names {
		id := strings.TrimSuffix(strings.TrimPrefix(name, "claims/"), ".yaml")
		all = append(all, id)
		if len(ids) > 0 && !slices.Contains(ids, id) {
			continue
		}
		data, err := fs.ReadFile(a.claims, name)
		if err != nil {
			return nil, failure(err)
		}
		exps, err := f.load("ci/"+name, data, a.cat)
		wrong = errors.Join(wrong, err)
		claims = append(claims, claim{id, exps})
	}
	for _, id := range ids {
		if !slices.Contains(all, id) {
			err := fmt.Errorf("there is no claim %q; claims: %s", id, strings.Join(all, ", "))
			wrong = errors.Join(wrong, err)
		}
	}
	return claims, wrong
}

// proof is a claim with what its experiments showed.
type proof struct {
	ID      string           `json:"id"`
	Claim   string           `json:"claim"`
	Outcome *harness.Outcome `json:"outcome"`
}

// prove runs claims, one after the other, and sets the exit code to the worst of theirs.
func (a *app) prove(ctx context.Context, f *claimFlags, claims []claim) ([]proof, error) {
	var proofs []proof
	for i := range claims {
		c := &claims[i]
		if ctx.Err() != nil {
			a.codes = append(a.codes, harness.ExitFailure)
			break
		}
		label := ""
		if len(claims) > 1 {
			label = fmt.Sprintf("[%d/%d] %s", i+1, len(claims), c.id)
		}
		out, err := a.run(ctx, c.exps, nil, runSettings{
			parallel: f.parallel, quiet: f.quiet, label: label, command: "rashomon claims " + c.id,
		})
		if err != nil {
			return nil, failure(fmt.Errorf("claim %s: %w", c.id, err))
		}
		a.codes = append(a.codes, out.Exit)
		proofs = append(proofs, proof{c.id, c.about(), out})
	}
	return proofs, nil
}

// showProofs writes the table of claims.
func (a *app) showProofs(f *claimFlags, proofs []proof) error {
	if f.output == asJSON {
		enc := json.NewEncoder(a.stdout)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", " ")
		return enc.Encode(proofs)
	}
	header := []string{"", "claim", "sentence", "shown by", "cure or contrast"}
	cell := 40
	if f.output == asMarkdown {
		cell = 1 << 20
	}
	var rows [][]string
	proved := 0
	for i := range proofs {
		p := &proofs[i]
		if p.Outcome.Exit == harness.ExitExpected {
			proved++
		}
		shown, cure := p.evidence()
		rows = append(rows, []string{exitMark(p.Outcome.Exit), p.ID, results.Wrap(p.Claim, cell),
			results.WrapLines(shown, cell), results.WrapLines(cure, cell)})
	}
	if f.output == asMarkdown {
		for _, row := range rows {
			for i := range row {
				row[i] = strings.ReplaceAll(row[i], "\n", "; ")
			}
		}
		return results.ColumnsMarkdown(a.stdout, header, rows)
	}
	if err := results.Columns(a.stdout, header, rows, a.colors()); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.stdout, "\n%d of %d claims came true.\n", proved, len(proofs))
	return err
}

// exitMark returns the mark of an exit code.
func exitMark(exit int) string {
	switch exit {
	case harness.ExitExpected:
		return results.MarkHeld
	case harness.ExitUnexpected:
		return results.MarkFailed
	}
	return results.MarkUnknown
}

// evidence says what the variants that show the claim showed, and what those that cure it, a line each.
// A variant of which only must-hold is asked is a cure.
func (p *proof) evidence() (shown, cure []string) {
	for i := range p.Outcome.Rows {
		row := &p.Outcome.Rows[i]
		var saw []string
		cures := true
		for j := range row.Expectations {
			e := &row.Expectations[j]
			text := e.Property + " " + e.Saw
			if !strings.HasPrefix(e.Asked, "must-") { // a bound: what was seen means nothing without it
				text = e.Asked + ": " + e.Saw
			}
			if !e.Met {
				text += fmt.Sprintf(" (%s: %s)", exitMark(e.Exit), e.Asked)
			}
			saw = append(saw, text)
			cures = cures && e.Asked == string(harness.MustHold)
		}
		line := results.Label(row) + ": " + strings.Join(saw, ", ")
		if cures {
			cure = append(cure, line)
		} else {
			shown = append(shown, line)
		}
	}
	return shown, cure
}

// explainProof writes one claim: its sentence, the table of its variants, the smallest counterexample of
// those that were to violate something, and what was asked of each.
func (a *app) explainProof(p *proof) error {
	fmt.Fprintf(a.stdout, "%s %s: %s\n\n", exitMark(p.Outcome.Exit), p.ID, results.Wrap(p.Claim, 100))
	view := results.View{Color: a.colors(), Width: width(a.stdout)}
	if err := results.Text(a.stdout, p.Outcome, view); err != nil {
		return err
	}
	row, w := p.smallest()
	if w == nil {
		return nil
	}
	fmt.Fprintf(a.stdout, "\nThe smallest counterexample, %s:\n", results.Label(row))
	results.Counterexample(a.stdout, &w.Anomaly, "  ")
	_, err := fmt.Fprintf(a.stdout, "  $ %s\n", results.Reproduce("rashomon claims "+p.ID, row.Row, w.Seed))
	return err
}

// smallest returns the smallest counterexample of the properties that had to fail, nil when there is none.
func (p *proof) smallest() (*harness.Row, *harness.Witness) {
	var best *harness.Witness
	var of *harness.Row
	size := func(w *harness.Witness) int { return len(w.Anomaly.Indices) }
	for i := range p.Outcome.Rows {
		row := &p.Outcome.Rows[i]
		for j := range row.Cells {
			cell := &row.Cells[j]
			asked := slices.ContainsFunc(row.Expectations, func(e harness.ExpectationResult) bool {
				return e.Property == cell.Property && strings.HasPrefix(e.Asked, string(harness.MustViolate))
			})
			if cell.Result == checkers.Invalid && asked && cell.Smallest != nil &&
				(best == nil || cmp.Less(size(cell.Smallest), size(best))) {
				of, best = row, cell.Smallest
			}
		}
	}
	return of, best
}
