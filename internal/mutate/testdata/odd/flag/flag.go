// Package flag has a named type of bools.
package flag

type Flag bool
