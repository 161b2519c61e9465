package main

import (
	"crypto/sha256"
	"fmt"
	"go/ast"
	"go/token"
	"strings"
)

// mutant is one change of one expression.
type mutant struct {
	number    int32 // in the instrumented binary, from 1
	point     int32 // the number under which its expression records that it was reached
	file      string
	line, col int
	function  string // "Name", "Type.Name", "package" outside of all
	original  string // text of the expression, abbreviated
	mutated   string
	nth       int // of the mutants with the same file, function and texts, from 1
}

// key names a mutant without line numbers, so that it stays the same when other code changes.
func (m *mutant) key() string {
	return fmt.Sprintf("%s %s %s -> %s #%d", m.file, m.function, m.original, m.mutated, m.nth)
}

// id is the key made short.
func (m *mutant) id() string { return fmt.Sprintf("%x", sha256.Sum256([]byte(m.key())))[:8] }

// row is what tables have of a mutant.
func (m *mutant) row() string {
	return fmt.Sprintf("%s:%d:%d\t%s\t%s -> %s #%d", m.file, m.line, m.col, m.function, m.original, m.mutated,
		m.nth)
}

// finder finds the points of one package's files at which something can be mutated, gives the mutants their
// numbers and writes down how the source changes so that all of them are compiled in.
type finder struct {
	pkg     *sourcePackage
	file    *sourceFile
	mutants []*mutant
	seen    map[string]int // how many mutants have the key, its number left out

	function string
	edits    []edit // of the file
}

// find returns the mutants of the file and the edits that compile them in.
func (f *finder) find(file *sourceFile) []edit {
	f.file, f.edits = file, nil
	for _, decl := range file.ast.Decls {
		f.function = "package"
		if d, ok := decl.(*ast.FuncDecl); ok {
			f.function = functionName(d)
		}
		ast.Inspect(decl, f.visit)
	}
	return f.edits
}

// visit looks at one node. What is constant stays constant: array sizes, cases, declarations of constants
// need it, and most of it is arithmetic of names.
func (f *finder) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GenDecl:
		return n.Tok != token.CONST
	case *ast.IfStmt:
		f.condition(n.Cond)
	case *ast.ForStmt:
		f.condition(n.Cond)
	case *ast.SwitchStmt:
		f.cases(n)
	case ast.Expr:
		if f.pkg.constant(n) {
			f.literal(n)
			return false
		}
		return f.expression(n)
	}
	return true
}

// expression mutates an expression that is not constant. It reports whether those in it can be mutated too.
func (f *finder) expression(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BinaryExpr:
		return f.binary(e)
	case *ast.UnaryExpr:
		if e.Op == token.NOT {
			return f.not(e)
		}
	case *ast.CallExpr:
		f.extreme(e)
	}
	return true
}

func (f *finder) binary(e *ast.BinaryExpr) bool {
	switch e.Op {
	case token.LSS, token.LEQ, token.GTR, token.GEQ:
		f.ordered(e)
	case token.EQL, token.NEQ:
		f.equality(e)
	case token.LAND, token.LOR:
		return f.junction(e)
	case token.ADD, token.SUB:
		f.offset(e)
	}
	return true
}

// cases mutates the conditions of a switch without a tag.
func (f *finder) cases(s *ast.SwitchStmt) {
	if s.Tag != nil {
		return
	}
	for _, clause := range s.Body.List {
		for _, e := range clause.(*ast.CaseClause).List {
			f.condition(e)
		}
	}
}

// add gives the mutant of e its number; the first of an edit, which is the point's, is told by point 0.
func (f *finder) add(e ast.Expr, point int32, original, mutated string) int32 {
	m := &mutant{number: int32(len(f.mutants) + 1), point: point, file: f.file.name, function: f.function,
		original: original, mutated: mutated}
	if point == 0 {
		m.point = m.number
	}
	at := f.pkg.fset.PositionFor(e.Pos(), false)
	m.line, m.col = at.Line, at.Column
	same := m.key()
	f.seen[same]++
	m.nth = f.seen[same]
	f.mutants = append(f.mutants, m)
	return m.number
}

// texts returns a binary expression as written and with another operator, both abbreviated.
func (f *finder) texts(e *ast.BinaryExpr, op token.Token) (original, mutated string) {
	x, y := f.text(e.X), f.text(e.Y)
	return x + " " + e.Op.String() + " " + y, x + " " + op.String() + " " + y
}

const (
	wordsMost = 48 // runes of an operand that are shown in full
	wordsHead = 28 // of a longer one, the first
	wordsTail = 16 // and the last
)

// text returns the source of an operand on one line, its middle left out when it is long.
func (f *finder) text(e ast.Expr) string {
	from, to := f.offsets(e)
	return f.abbreviated(from, to)
}

// abbreviated does that for a part of the file.
func (f *finder) abbreviated(from, to int) string {
	words := []rune(strings.Join(strings.Fields(string(f.file.text[from:to])), " "))
	if len(words) <= wordsMost {
		return string(words)
	}
	return string(words[:wordsHead]) + "…" + string(words[len(words)-wordsTail:])
}

// offsets returns where a node stands in the file's text.
func (f *finder) offsets(n ast.Node) (from, to int) {
	return f.position(n.Pos()), f.position(n.End())
}

func (f *finder) position(p token.Pos) int { return f.pkg.fset.PositionFor(p, false).Offset }

// functionName returns the name of a function as it is used in keys.
func functionName(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return d.Name.Name
	}
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.ParenExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.Name + "." + d.Name.Name
		default:
			return d.Name.Name
		}
	}
}
