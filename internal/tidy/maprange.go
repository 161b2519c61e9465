package tidy

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// The order of a map's keys changes from run to run. A walk over a map is harmless where that order cannot
// leave the loop, which is taken to be so when
//
//   - what the loop collects is sorted later in the same function (slices.Sort.., sort..), or
//   - the loop does nothing but write entries under its own key into another map, delete, count, or
//     add up integers, or
//   - the line above says why, in the form //tidy:order REASON.
//
// maps.Keys, maps.Values and maps.All walk over a map as well; as the argument of slices.Sorted.. they
// are harmless.

// orderComment begins the comment that excuses a walk over a map.
const orderComment = "//tidy:order "

const sortFirst = "collect and sort the keys, or " + orderComment + "REASON on the line above"

// mapRanges reports the walks over maps whose order may leak.
func (s *sight) mapRanges() {
	for _, fn := range functions(s.file) {
		ast.Inspect(fn.node, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.RangeStmt:
				s.rangeOver(fn.node, n)
			case *ast.CallExpr:
				s.call(n)
			}
			return true
		})
	}
}

// rangeOver judges one loop of the function.
func (s *sight) rangeOver(fn ast.Node, loop *ast.RangeStmt) {
	t := s.info.TypeOf(loop.X)
	if t == nil || t == types.Typ[types.Invalid] {
		s.report(loop.Pos(), "range over something of unknown type", "a module that builds")
		return
	}
	if _, isMap := t.Underlying().(*types.Map); !isMap && !s.isMapIterator(loop.X) {
		return
	}
	if s.excused(loop) || s.keepsOrder(loop) || s.sortedLater(fn, loop) {
		return
	}
	s.report(loop.Pos(), "unsorted range over a map", sortFirst)
}

// call judges a call that takes an iterator over a map as its argument; loops over one are judged as loops.
func (s *sight) call(call *ast.CallExpr) {
	for _, arg := range call.Args {
		if !s.isMapIterator(arg) || s.excused(call) {
			continue
		}
		used := s.callee(call)
		sorts := fromPackage(used, "slices") && strings.HasPrefix(used.Name(), "Sorted")
		intoMap := fromPackage(used, "maps") && (used.Name() == "Collect" || used.Name() == "Insert")
		if !sorts && !intoMap {
			s.report(arg.Pos(), "unsorted walk over a map", sortFirst)
		}
	}
}

// isMapIterator reports whether the expression is a call of maps.Keys, maps.Values or maps.All.
func (s *sight) isMapIterator(x ast.Expr) bool {
	call, ok := ast.Unparen(x).(*ast.CallExpr)
	if !ok {
		return false
	}
	used := s.callee(call)
	return fromPackage(used, "maps") && slices.Contains([]string{"Keys", "Values", "All"}, used.Name())
}

// callee returns the function that is called by its name, nil for any other call.
func (s *sight) callee(call *ast.CallExpr) types.Object {
	switch f := ast.Unparen(call.Fun).(type) {
	case *ast.Ident:
		return s.info.Uses[f]
	case *ast.SelectorExpr:
		return s.info.Uses[f.Sel]
	case *ast.IndexExpr:
		return s.callee(&ast.CallExpr{Fun: f.X})
	}
	return nil
}

// excused reports whether the line above the node, or its own, carries the comment with a reason.
func (s *sight) excused(n ast.Node) bool {
	line := s.src.fset.Position(n.Pos()).Line
	for _, group := range s.file.ast.Comments {
		for _, c := range group.List {
			at := s.src.fset.Position(c.Pos()).Line
			reason, ok := strings.CutPrefix(c.Text, orderComment)
			if ok && (at == line-1 || at == line) && strings.TrimSpace(reason) != "" {
				return true
			}
		}
	}
	return false
}

// sortedLater reports whether something that the loop assigns is sorted after it in the function.
func (s *sight) sortedLater(fn ast.Node, loop *ast.RangeStmt) bool {
	collected := map[types.Object]bool{}
	ast.Inspect(loop.Body, func(n ast.Node) bool {
		if a, ok := n.(*ast.AssignStmt); ok {
			for _, left := range a.Lhs {
				collected[s.root(left)] = true
			}
		}
		return true
	})
	delete(collected, nil)
	found := false
	ast.Inspect(fn, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || call.Pos() < loop.End() || len(call.Args) == 0 {
			return true
		}
		used := s.callee(call)
		sorts := fromPackage(used, "sort") ||
			fromPackage(used, "slices") && strings.HasPrefix(used.Name(), "Sort")
		found = found || sorts && collected[s.root(call.Args[0])]
		return true
	})
	return found
}

// root returns the variable or field that an expression reaches into: x of x[i], f of x.f.
func (s *sight) root(x ast.Expr) types.Object {
	switch x := x.(type) {
	case *ast.Ident:
		if o := s.info.Uses[x]; o != nil {
			return o
		}
		return s.info.Defs[x]
	case *ast.SelectorExpr:
		return s.info.Uses[x.Sel]
	case *ast.IndexExpr:
		return s.root(x.X)
	case *ast.StarExpr:
		return s.root(x.X)
	case *ast.ParenExpr:
		return s.root(x.X)
	}
	return nil
}

// keepsOrder reports whether the loop's body does only what comes out the same in any order.
func (s *sight) keepsOrder(loop *ast.RangeStmt) bool {
	key := types.Object(nil)
	if id, ok := loop.Key.(*ast.Ident); ok {
		key = s.root(id)
	}
	return s.anyOrder(loop.Body.List, key)
}

func (s *sight) anyOrder(body []ast.Stmt, key types.Object) bool {
	for _, stmt := range body {
		if !s.anyOrderStmt(stmt, key) {
			return false
		}
	}
	return true
}

func (s *sight) anyOrderStmt(stmt ast.Stmt, key types.Object) bool {
	switch stmt := stmt.(type) {
	case *ast.IncDecStmt:
		return s.isInteger(stmt.X)
	case *ast.AssignStmt:
		return s.anyOrderAssign(stmt, key)
	case *ast.ExprStmt:
		call, ok := stmt.X.(*ast.CallExpr)
		if !ok {
			return false
		}
		b, builtin := s.callee(call).(*types.Builtin)
		return builtin && b.Name() == "delete" && s.isKey(call.Args[1], key)
	case *ast.IfStmt:
		return stmt.Init == nil && stmt.Else == nil && s.anyOrder(stmt.Body.List, key)
	case *ast.BranchStmt:
		return stmt.Tok == token.CONTINUE && stmt.Label == nil
	}
	return false
}

func (s *sight) anyOrderAssign(a *ast.AssignStmt, key types.Object) bool {
	if len(a.Lhs) != 1 {
		return false
	}
	switch a.Tok {
	case token.ADD_ASSIGN, token.SUB_ASSIGN, token.OR_ASSIGN, token.AND_ASSIGN, token.XOR_ASSIGN:
		return s.isInteger(a.Lhs[0])
	case token.ASSIGN:
		entry, ok := a.Lhs[0].(*ast.IndexExpr)
		if !ok {
			return false
		}
		t := s.info.TypeOf(entry.X)
		if t == nil {
			return false
		}
		_, intoMap := t.Underlying().(*types.Map)
		return intoMap && s.isKey(entry.Index, key)
	}
	return false
}

func (s *sight) isKey(x ast.Expr, key types.Object) bool {
	id, ok := x.(*ast.Ident)
	return ok && key != nil && s.root(id) == key
}

func (s *sight) isInteger(x ast.Expr) bool {
	t := s.info.TypeOf(x)
	if t == nil {
		return false
	}
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsInteger != 0
}
