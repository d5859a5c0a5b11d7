package ops

// Nearest gives the one of the known names that is nearest to a word that none of them is, for "did you mean"; "" when none
// is near.
func Nearest(word string, known []string) string {
	nearest, least := "", max(2, len(word)/3)+1
	if len(word) < 4 {
		least = 2 // any two short names are near
	}
	for _, name := range known {
		if d := edits(word, name); d < least {
			nearest, least = name, d
		}
	}
	return nearest
}

// edits is the Levenshtein distance of two names.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
