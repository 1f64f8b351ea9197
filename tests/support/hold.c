/* hold: a library with a variable that holds what it is given, as a careless extension does. */
static void *cache[2];

void hold(void *object);

void hold(void *object)
{
	cache[1] = object;
}
