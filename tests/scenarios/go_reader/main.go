// Reads goroutines as Go's tools do, by gostackparse, and says as JSON what it understood, a line for each. Any
// that it refuses is an error.
package main

import (
	"encoding/json"
	"log"
	"os"

	"github.com/DataDog/gostackparse"
)

func main() {
	goroutines, refused := gostackparse.Parse(os.Stdin)
	if len(refused) != 0 {
		log.Fatal("gostackparse refuses: ", refused)
	}
	output := json.NewEncoder(os.Stdout)
	for _, goroutine := range goroutines {
		if err := output.Encode(goroutine); err != nil {
			log.Fatal(err)
		}
	}
}
