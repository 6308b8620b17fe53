//go:build !unix

package main

import "os"

// columnsOf is how many columns a terminal has; 0: it is not asked here.
func columnsOf(*os.File) int { return 0 }
