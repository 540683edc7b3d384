/** As Promise.all, but it does not reject before both are over: nothing of what was begun goes on behind whoever hears of the failure. */
export async function allOver<A, B>(one: Promise<A>, other: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([one, other]);
  return Promise.all([one, other]);
}
