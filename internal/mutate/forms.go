package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
)

// Each form says how a kind of expression is written so that it and its mutants are one expression. All keep
// three things: an operand is evaluated once, in its place, and only if the original or the mutant needs it;
// what was an untyped bool stays one, since it is the result of a comparison; no line moves.

// alias is the name under which instrumented files import package schemata.
const alias = "schemata_"

// replace notes an edit of the whole of e. Pieces are texts, nodes, and pairs of offsets.
func (f *finder) replace(e ast.Expr, pieces ...any) {
	from, to := f.offsets(e)
	ed := edit{from: from, to: to}
	for _, p := range pieces {
		switch p := p.(type) {
		case string:
			ed.pieces = append(ed.pieces, piece{text: p})
		case ast.Node:
			a, b := f.offsets(p)
			ed.pieces = append(ed.pieces, piece{from: a, to: b})
		case [2]token.Pos:
			if a, b := f.position(p[0]), f.position(p[1]); a < b {
				ed.pieces = append(ed.pieces, piece{from: a, to: b})
			}
		}
	}
	f.edits = append(f.edits, ed)
}

// on is an untyped bool that is true when mutant n is in force.
func on(n int32) string { return fmt.Sprintf("(%s.On(%d) == %[1]s.True)", alias, n) }

// helper is the beginning of a call of package schemata.
func helper(name string, n int32) string { return fmt.Sprintf("%s.%s(%d, ", alias, name, n) }

// order has what an ordered comparison becomes: at the boundary, and negated.
var order = map[token.Token]struct {
	helper            string
	boundary, negated token.Token
}{
	token.LSS: {"Less", token.LEQ, token.GEQ},
	token.LEQ: {"LessEqual", token.LSS, token.GTR},
	token.GTR: {"Greater", token.GEQ, token.LEQ},
	token.GEQ: {"GreaterEqual", token.GTR, token.LSS},
}

// ordered mutates a comparison of order. Its operands have one type, but for an untyped constant, so that
// a generic function can take them. A shift of an untyped constant would change its type there: then
// only the negation is mutated.
func (f *finder) ordered(e *ast.BinaryExpr) {
	form := order[e.Op]
	original, negated := f.texts(e, form.negated)
	if f.pkg.shifts(e.X) || f.pkg.shifts(e.Y) {
		n := f.add(e, 0, original, negated)
		f.replace(e, "((", e.X, f.between(e), e.Y, ") != ", on(n), ")")
		return
	}
	_, boundary := f.texts(e, form.boundary)
	n := f.add(e, 0, original, boundary)
	f.add(e, n, original, negated)
	f.replace(e, "(", helper(form.helper, n), e.X, [2]token.Pos{e.X.End(), e.OpPos}, ", ",
		[2]token.Pos{e.OpPos + token.Pos(len(e.Op.String())), e.Y.Pos()}, e.Y, ") == "+alias+".True)")
}

// between is what stands between the operands: the operator, blanks, line ends, comments.
func (f *finder) between(e *ast.BinaryExpr) [2]token.Pos { return [2]token.Pos{e.X.End(), e.Y.Pos()} }

// equality mutates == and !=. They stay as they are, whatever they compare, and the answer is turned round.
func (f *finder) equality(e *ast.BinaryExpr) {
	op := token.NEQ
	if e.Op == token.NEQ {
		op = token.EQL
	}
	original, mutated := f.texts(e, op)
	n := f.add(e, 0, original, mutated)
	f.replace(e, "((", e.X, f.between(e), e.Y, ") != ", on(n), ")")
}

// junction mutates && and ||: x || y is !(!x && !y), which evaluates y in the same cases, and the other way
// round. A named type of bools, which the comparisons lose, is given back by a conversion.
func (f *finder) junction(e *ast.BinaryExpr) bool {
	conversion, ok := f.boolType(e)
	if !ok {
		return false
	}
	op := token.LOR
	if e.Op == token.LOR {
		op = token.LAND
	}
	original, mutated := f.texts(e, op)
	n := f.add(e, 0, original, mutated)
	f.replace(e, conversion+"((((", e.X, ") != ", on(n), ")", f.between(e),
		"((", e.Y, ") != ", on(n), ")) != ", on(n), ")")
	f.condition(e.X)
	f.condition(e.Y)
	return true
}

// not mutates !x to x.
func (f *finder) not(e *ast.UnaryExpr) bool {
	conversion, ok := f.boolType(e)
	if !ok {
		return false
	}
	n := f.add(e, 0, "!"+f.text(e.X), f.text(e.X))
	f.replace(e, conversion+"((", e.X, ") == ", on(n), ")")
	return true
}

// boolType returns the conversion to e's type, "" for bool. It is not ok if the type has no name here.
func (f *finder) boolType(e ast.Expr) (conversion string, ok bool) {
	t := f.pkg.info.TypeOf(e)
	if basic, isBasic := types.Unalias(t).(*types.Basic); isBasic {
		return "", basic.Info()&types.IsBoolean != 0
	}
	nameable := true
	name := types.TypeString(t, func(p *types.Package) string {
		if p == f.pkg.types {
			return ""
		}
		name, known := f.file.imports[p.Path()]
		nameable = nameable && known && name != "." && name != "_"
		return cmp.Or(name, p.Name())
	})
	return name, nameable
}

// literal mutates the constants true and false.
func (f *finder) literal(e ast.Expr) {
	id, ok := e.(*ast.Ident)
	if !ok || f.pkg.info.Uses[id] == nil || f.pkg.info.Uses[id].Parent() != types.Universe {
		return
	}
	switch id.Name {
	case "true":
		f.replace(e, fmt.Sprintf("(%s.On(%d) != %[1]s.True)", alias, f.add(e, 0, "true", "false")))
	case "false":
		f.replace(e, on(f.add(e, 0, "false", "true")))
	}
}

// condition mutates x to !x where x decides something and is mutated in no other way: a variable, a call, an
// element, a field.
func (f *finder) condition(e ast.Expr) {
	if e == nil || f.pkg.constant(e) {
		return
	}
	switch x := ast.Unparen(e).(type) {
	case *ast.Ident, *ast.SelectorExpr, *ast.CallExpr, *ast.IndexExpr, *ast.StarExpr, *ast.TypeAssertExpr:
		n := f.add(x, 0, f.text(x), "!"+f.text(x))
		f.replace(x, "((", x, ") != ", on(n), ")")
	}
}

// extreme mutates calls of the built-in functions min and max.
func (f *finder) extreme(e *ast.CallExpr) {
	id, ok := ast.Unparen(e.Fun).(*ast.Ident)
	if !ok {
		return
	}
	names := map[string][2]string{"min": {"Min", "max"}, "max": {"Max", "min"}}[id.Name]
	_, builtin := f.pkg.info.Uses[id].(*types.Builtin)
	if !builtin || names[0] == "" || f.pkg.shifts(e.Args...) {
		return
	}
	from, _ := f.offsets(e.Args[0])
	_, to := f.offsets(e.Args[len(e.Args)-1])
	arguments := "(" + f.abbreviated(from, to) + ")"
	n := f.add(e, 0, id.Name+arguments, names[1]+arguments)
	f.replace(e, helper(names[0], n), [2]token.Pos{e.Lparen + 1, e.End()})
}

// offset mutates a sum or difference of something and an integer literal: the literal becomes one less.
func (f *finder) offset(e *ast.BinaryExpr) {
	literal, other := e.Y, e.X
	if _, ok := literal.(*ast.BasicLit); !ok && e.Op == token.ADD {
		literal, other = e.X, e.Y
	}
	k, ok := f.pkg.positive(literal)
	if !ok || !f.pkg.integer(e) || f.pkg.shifts(e.X, e.Y) {
		return
	}
	original := f.text(e.X) + " " + e.Op.String() + " " + f.text(e.Y)
	mutated := f.text(other)
	if k > 1 {
		mutated += fmt.Sprintf(" %s %d", e.Op, k-1)
	}
	name := "Sum"
	if e.Op == token.SUB {
		name = "Difference"
	}
	n := f.add(e, 0, original, mutated)
	f.replace(e, helper(name, n), e.X, f.between(e), e.Y, ")")
}
