// Package failing has a test that fails without any mutant.
package failing

func less(a, b int) bool { return a < b }
