// Command htpasswd prints the line of an htpasswd file for the user that its argument names. It reads the password from its
// standard input, so that no process list shows the password.
package main

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/crypto/bcrypt"
)

func main() {
	if len(os.Args) != 2 {
		fail("usage: htpasswd USER <PASSWORD")
	}
	password, err := io.ReadAll(os.Stdin)
	if err != nil {
		fail(err)
	}
	// Use the lowest cost, because the registry computes the hash for every request.
	hash, err := bcrypt.GenerateFromPassword(password, bcrypt.MinCost)
	if err != nil {
		fail(err)
	}
	fmt.Printf("%s:%s\n", os.Args[1], hash)
}

func fail(message any) {
	fmt.Fprintln(os.Stderr, message)
	os.Exit(1)
}
