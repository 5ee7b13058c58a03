/**
 * Frequent English words, so that a vocabulary made from one text holds more than the text: without others among them the
 * attacker would have next to nothing to guess.
 */
export const commonWords: readonly string[] = `
the of and to a in that it is was for on with he be at by i this had not are but from or have an they which one you were
all her she there would their we him been has when who will no more if out so up said what its about than into them can
only other time new some could these two may first then do any like my now over such our man me even most made after also
did many off before must well back through years where much your way down should because long each just state those too
mr how little good world make very year still see work men day get here between both being under three never know same
last another while us great old against go came right take himself few house use during without again place american
around however home small found mrs thought went say part once general high upon school every don does got united left
number course war until always away something fact water though less public put thing almost hand enough far took head
yet government system better set told nothing night end why called eyes find going look asked later knew point next
program city business give group toward young let days room side social given present several order national possible
rather second face per among form important often things looked early white case john become large big need four within
felt along children saw best church ever least power development light seemed thing family interest want members mind
country area others done turned although open god service certain kind problem began different door thus help sense means
whole matter , . ' ? ! - ; :
`
  .split(/\s+/)
  .filter((word) => word !== "");
