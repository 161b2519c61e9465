// Package taken uses the name under which instrumented code imports package schemata.
package taken

var schemata_ = 1 < len("")
