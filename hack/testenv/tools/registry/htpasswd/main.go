// Command htpasswd prints the line of an htpasswd file for the user that it is called with. The password is what it
// reads from its input, so that it stands in no list of processes.
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
	// The cheapest cost: the registry computes it anew for every request.
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
